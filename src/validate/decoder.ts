/**
 * One event's bytes → its canonical values and its time, or the first reason why there are none.
 *
 * In order: size, structure of the msgpack, that it is a map, conversion of every field, the
 * TypeBox schema of the fields, event time. A map with a key that comes twice is refused, at any
 * depth: which one counts would depend on who reads. Whether the time is acceptable is for the
 * caller, who knows when the event arrived. Thread: any.
 */
import { Compile } from 'typebox/compile'
import { MillraceError } from '../base/errors.ts'
import { eventBytesMax } from '../base/limits.ts'
import type { Source } from '../model/catalog.ts'
import { convertEvent, isWireMap, pointer, type Problem } from '../model/convert.ts'
import { createDecoder, eventMsgpackLimits } from '../model/msgpack.ts'
import { msOf, nsWithinMs } from '../model/timestamp.ts'
import type { Value } from '../model/types.ts'
import { schemaProblem } from './schema-problem.ts'

export interface DecodedValues {
  /** One value per field; a null-prototype object. */
  readonly values: Readonly<Record<string, Value>>
}

export interface DecodedEvent extends DecodedValues {
  /** Event time: whole ms since the epoch, and the nanoseconds within that ms. */
  readonly timeMs: number
  readonly timeNs: number
}

export interface Decoder<Decoded extends DecodedValues> {
  /** Decodes the event `bytes[start, end)`; values do not refer to `bytes` afterwards. */
  decode(bytes: Uint8Array, start: number, end: number): Decoded | Problem
}

export type EventDecoder = Decoder<DecodedEvent>

/** Decodes events whose fields are those of the source. */
export function createEventDecoder(source: Source): EventDecoder {
  const decoder = createValuesDecoder(source)
  return {
    decode(bytes, start, end) {
      const decoded = decoder.decode(bytes, start, end)
      return isProblem(decoded) ? decoded : withTime(decoded.values, source.timestampField)
    },
  }
}

/** The values of an event with its time, which they hold. */
export function withTime(
  values: DecodedValues['values'],
  timestampField: string,
): DecodedEvent | Problem {
  const time = values[timestampField]
  if (typeof time === 'bigint') return { values, timeMs: msOf(time), timeNs: nsWithinMs(time) }
  return problem('EVENT_TIME', pointer('', timestampField), { reason: 'null' })
}

/** Decodes events of these fields, wherever their time may be. */
export function createValuesDecoder({
  fields,
  schema,
}: Pick<Source, 'fields' | 'schema'>): Decoder<DecodedValues> {
  const msgpack = createDecoder(eventMsgpackLimits)
  const validator = Compile(schema)

  function decodeValues(wire: unknown): DecodedValues | Problem {
    if (!isWireMap(wire)) return problem('EVENT_DECODE', '', { reason: 'not a map of fields' })
    const problems: Problem[] = []
    const values = convertEvent(fields, wire, problems)
    if (problems.length > 0) return problems[0]!
    return validator.Check(values) ? { values } : schemaProblem(validator.Errors(values))
  }

  return {
    decode(bytes, start, end) {
      const size = end - start
      if (size > eventBytesMax) return problem('EVENT_TOO_LARGE', '', { size, max: eventBytesMax })
      let wire: unknown
      try {
        wire = msgpack.decode(bytes, start, end)
      } catch (thrown) {
        if (thrown instanceof MillraceError) return problem(thrown.code, '', thrown.details)
        throw thrown
      }
      return decodeValues(wire)
    },
  }
}

/** Whether {@link Decoder.decode} found a problem. */
export function isProblem(decoded: DecodedValues | Problem): decoded is Problem {
  return 'code' in decoded
}

function problem(code: Problem['code'], path: string, details: Problem['details']): Problem {
  return { code, path, details }
}
