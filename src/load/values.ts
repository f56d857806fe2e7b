/**
 * Values of every type, for fields whose values matter to nobody.
 *
 * They are of the sizes that such values have: an Int64 below 100, an Int32 of four digits, a text
 * of two letters out of sixteen, a list or map of up to three entries. A float is an odd multiple
 * of 1/8, so that it is never whole and sums of it are exact. A nullable value is null one time in
 * ten.
 */
import { unreachable } from '../base/assert.ts'
import { MsgpackTimestamp } from '../model/msgpack.ts'
import type { DataType } from '../model/types.ts'
import type { Random } from './random.ts'

const nullShare = 0.1
const texts = 16
const entriesMax = 3

/**
 * Draws a value, as a msgpack encoder takes it.
 *
 * @param nowMs  Of every Timestamp.
 */
export function drawValue(type: DataType, random: Random, nowMs: number): unknown {
  if (type.nullable && random() < nullShare) return null
  const below = (max: number): number => Math.floor(random() * max)
  switch (type.kind) {
    case 'Int64':
      return below(100)
    case 'Int32':
      return 1000 + below(9000)
    case 'Float64':
    case 'Float32':
      return below(10_000) / 4 + 1 / 8
    case 'String': {
      const text = below(texts)
      return `${letter(text >> 2)}${letter(text & 3)}`
    }
    case 'Bool':
      return random() < 0.5
    case 'Timestamp':
      return new MsgpackTimestamp(BigInt(nowMs) * 1_000_000n)
    case 'Array':
      return Array.from({ length: below(entriesMax + 1) }, () =>
        drawValue(type.element, random, nowMs),
      )
    case 'Struct':
      return Object.fromEntries(
        type.fields.map(({ name, type }) => [name, drawValue(type, random, nowMs)]),
      )
    case 'Map':
      return Object.fromEntries(
        Array.from({ length: below(entriesMax + 1) }, (_, n) => [
          letter(n),
          drawValue(type.value, random, nowMs),
        ]),
      )
    default:
      return unreachable(type)
  }
}

function letter(n: number): string {
  return String.fromCharCode(97 + n)
}
