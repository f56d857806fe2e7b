/**
 * The bodies of requests that bring events → the payload of a batch.
 *
 * JSON is one event, an object, or an array of them; NDJSON has one on each line; msgpack is a map,
 * or an array of maps and of `bin`s that hold one each. A body whose form is wrong is refused
 * whole. What is wrong with an event itself is found later, and is a matter of that event alone:
 * here it may be any value.
 */
import { MillraceError } from '../base/errors.ts'
import { eventsBodyBytesMax } from '../base/http-limits.ts'
import type { SourceEvents } from '../model/contracts.ts'
import { JsonReader } from '../model/json-reader.ts'
import { PayloadWriter } from '../model/payload-writer.ts'
import { skim } from '../model/skim.ts'
import type { DataType } from '../model/types.ts'

/** The source that events are for. */
export interface EventsFor {
  readonly source: string
  /** Its events as a whole, as producers push them. */
  readonly type: DataType
}

type BodyParser = (body: Buffer, meant: EventsFor) => SourceEvents

/** By content type. */
export const bodyParsers: ReadonlyMap<string, BodyParser> = new Map([
  ['application/json', parseJson],
  ['application/x-ndjson', parseLines],
  ['application/msgpack', parseMsgpack],
])

function parseJson(body: Buffer, { source, type }: EventsFor): SourceEvents {
  const reader = new JsonReader(body)
  const writer = new PayloadWriter(body.length)
  const event = (): void => writer.event((out) => reader.write(out, type))
  if (reader.isNext('array')) reader.array(event)
  else if (reader.isNext('object')) event()
  else throw bodyInvalid('is neither an event nor an array of events')
  reader.end()
  return writer.take(source)
}

function parseLines(body: Buffer, { source, type }: EventsFor): SourceEvents {
  const writer = new PayloadWriter(body.length)
  for (let start = 0; start < body.length;) {
    const newline = body.indexOf(0x0a, start)
    const end = newline === -1 ? body.length : newline
    if (!isBlank(body, start, end)) {
      const reader = new JsonReader(body, start, end)
      writer.event((out) => reader.write(out, type))
      reader.end()
    }
    start = end + 1
  }
  return writer.take(source)
}

function isBlank(body: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (body[at]! > 0x20) return false
  return true
}

/** What an event may be to be told from the next one; its own limits are looked at later. */
const elementLimits = {
  depthMax: 31,
  nodesMax: eventsBodyBytesMax,
  bytesMax: eventsBodyBytesMax,
}

function parseMsgpack(body: Buffer, { source }: EventsFor): SourceEvents {
  const writer = new PayloadWriter(body.length)
  const head = body[0]!
  const isArray = (head & 0xf0) === 0x90 || head === 0xdc || head === 0xdd
  const headBytes = isArray ? (head === 0xdc ? 3 : head === 0xdd ? 5 : 1) : 0
  if (headBytes > body.length) throw bodyInvalid('is not whole')
  let count = isArray ? head & 0x0f : 1
  if (headBytes > 1) count = body.readUIntBE(1, headBytes - 1)
  let at = headBytes
  for (let n = 0; n < count; n++) {
    const start = at
    at = endOf(body, start, n)
    const event = contentOf(body, start, at)
    writer.event((out) => out.raw(event))
  }
  if (at !== body.length) throw bodyInvalid('goes on behind its events')
  return writer.take(source)
}

function endOf(body: Buffer, start: number, place: number): number {
  try {
    return skim(body, start, body.length, elementLimits)
  } catch (thrown) {
    const { details } = thrown as MillraceError
    throw bodyInvalid(`is not msgpack at event ${place}: ${details['reason']}`)
  }
}

/** A `bin` stands for what is in it. */
function contentOf(body: Buffer, start: number, end: number): Buffer {
  const form = body[start]! - 0xc4
  const isBin = form >= 0 && form <= 2
  return body.subarray(isBin ? start + 1 + (1 << form) : start, end)
}

function bodyInvalid(reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path: 'body', reason })
}
