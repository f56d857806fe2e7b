/**
 * One event's bytes → its canonical values and its time, or the first reason why there are none.
 *
 * In order: size, structure of the msgpack, that it is a map, conversion of every field, the
 * source's TypeBox schema, event time. A map with a key that comes twice is refused, at any depth:
 * which one counts would depend on who reads. Whether the time is acceptable is for the caller,
 * who knows when the event arrived. Thread: any.
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

export interface DecodedEvent {
  /** One value per field of the source; a null-prototype object. */
  readonly values: Readonly<Record<string, Value>>
  /** Event time: whole ms since the epoch, and the nanoseconds within that ms. */
  readonly timeMs: number
  readonly timeNs: number
}

export interface EventDecoder {
  /** Decodes the event `bytes[start, end)`; values do not refer to `bytes` afterwards. */
  decode(bytes: Uint8Array, start: number, end: number): DecodedEvent | Problem
}

export function createEventDecoder(source: Source): EventDecoder {
  const msgpack = createDecoder(eventMsgpackLimits)
  const validator = Compile(source.schema)
  const { fields, timestampField } = source

  function decodeValues(wire: unknown): DecodedEvent | Problem {
    if (!isWireMap(wire)) return problem('EVENT_DECODE', '', { reason: 'not a map' })
    const problems: Problem[] = []
    const values = convertEvent(fields, wire, problems)
    if (problems.length > 0) return problems[0]!
    if (!validator.Check(values)) return schemaProblem(validator.Errors(values))
    const time = values[timestampField]
    if (typeof time !== 'bigint') {
      return problem('EVENT_TIME', pointer('', timestampField), { reason: 'null' })
    }
    return { values, timeMs: msOf(time), timeNs: nsWithinMs(time) }
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

/** Whether {@link EventDecoder.decode} found a problem. */
export function isProblem(decoded: DecodedEvent | Problem): decoded is Problem {
  return 'code' in decoded
}

function problem(code: Problem['code'], path: string, details: Problem['details']): Problem {
  return { code, path, details }
}
