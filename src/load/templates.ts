/**
 * Messages that stand ready: the events of a run, encoded and masked before its clock starts.
 *
 * Some thousand events are encoded; the run walks them over and over. Where the bytes stand that
 * differ from event to event is known for each of them. Thread: any, before the run.
 */
import { MillraceError } from '../base/errors.ts'
import { frameBytesMax } from '../base/limits.ts'
import { createEncoder } from '../model/msgpack.ts'
import { encodePublish } from '../wire/protocol.ts'
import { maskedMessage } from './message.ts'
import type { Patch } from './patch.ts'

/** A field of every event that is encoded. */
export interface Column {
  readonly name: string
  /** The value of the n-th event that is encoded, where no patch writes it. */
  readonly valueOf: (n: number) => unknown
  readonly patch: Patch | null
}

export interface Templates {
  /** A frame each. */
  readonly messages: readonly Uint8Array[]
  /** Bytes of the msgpack of all their events. */
  readonly eventsBytes: number
  /** In every message: where the eight bytes of the sequence stand. */
  readonly sequenceAt: readonly number[]
  /** The patches of the columns, and `places[n]` of the n-th event in its message. */
  readonly patches: readonly { readonly patch: Patch; readonly places: Uint32Array }[]
}

/** A sequence beyond 32 bits takes eight bytes. */
const wideSequence = 2 ** 40

/**
 * @param frames  How many messages.
 * @throws {@link MillraceError} `CONFIG_INVALID` when a frame is larger than a server takes.
 */
export function createTemplates(
  source: string,
  columns: readonly Column[],
  frames: number,
  frameEvents: number,
): Templates {
  const encode = eventEncoder(columns)
  const patched = columns.flatMap(({ patch }, column) =>
    patch === null ? [] : [{ patch, column }],
  )
  const patches = patched.map(({ patch, column }) => {
    return { patch, column, places: new Uint32Array(frames * frameEvents) }
  })
  const messages: Uint8Array[] = []
  const sequenceAt: number[] = []
  let eventsBytes = 0
  for (let frame = 0; frame < frames; frame++) {
    const first = frame * frameEvents
    const events = Array.from({ length: frameEvents }, (_, index) => encode(first + index))
    const bytes = encodePublish(
      source,
      wideSequence,
      events.map((event) => event.bytes),
    )
    if (bytes.length > frameBytesMax) throw frameTooLarge(frameEvents, bytes.length)
    const message = maskedMessage(bytes)
    // What follows the sequence is the array of events, which fills the message.
    const binsBytes = events.reduce((sum, { bytes }) => sum + binBytes(bytes.length), 0)
    let at = message.length - binsBytes
    sequenceAt.push(at - arrayHeadBytes(frameEvents) - 8)
    for (const [index, { bytes, starts }] of events.entries()) {
      at += binBytes(bytes.length)
      eventsBytes += bytes.length
      for (const { patch, column, places } of patches) {
        places[first + index] = at - bytes.length + starts[column]! + patch.offset
      }
    }
    messages.push(message)
  }
  return { messages: together(messages), eventsBytes, sequenceAt, patches }
}

/** The same messages, one behind another in one buffer: thousands of buffers are slow to walk. */
function together(messages: readonly Uint8Array[]): readonly Uint8Array[] {
  const all = Buffer.concat(messages)
  let at = 0
  return messages.map(({ length }) => all.subarray(at, (at += length)))
}

interface EncodedEvent {
  readonly bytes: Uint8Array
  /** By column: where its value starts. */
  readonly starts: readonly number[]
}

function eventEncoder(columns: readonly Column[]): (n: number) => EncodedEvent {
  const encoder = createEncoder()
  const head =
    columns.length < 16
      ? Buffer.of(0x80 | columns.length)
      : Buffer.of(0xde, columns.length >> 8, columns.length & 0xff)
  const names = columns.map(({ name }) => encoder.encode(name))
  return (n) => {
    const parts: Uint8Array[] = [head]
    const starts: number[] = []
    let length = head.length
    for (const [column, { valueOf, patch }] of columns.entries()) {
      const value = encoder.encode(patch === null ? valueOf(n) : patch.template)
      parts.push(names[column]!, value)
      length += names[column]!.length
      starts.push(length)
      length += value.length
    }
    return { bytes: Buffer.concat(parts, length), starts }
  }
}

/** A binary and its head. */
function binBytes(length: number): number {
  return length + (length < 0x100 ? 2 : length < 0x10000 ? 3 : 5)
}

function arrayHeadBytes(length: number): number {
  return length < 16 ? 1 : 3
}

function frameTooLarge(frameEvents: number, bytes: number): MillraceError {
  const reason = `${frameEvents} events are ${bytes} bytes, more than ${frameBytesMax}`
  return new MillraceError('CONFIG_INVALID', { path: '--frame', reason })
}
