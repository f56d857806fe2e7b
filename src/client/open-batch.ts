/**
 * A PUBLISH frame that is still being filled: events of one source, from one call or several.
 *
 * The events are encoded where they stay. The frame's header, whose length depends on the sequence
 * and the count, is put in front of them at the end, so that a sealed frame is never copied.
 */
import { encode } from '@msgpack/msgpack'
import { frameType } from '../wire/protocol.ts'
import { EventBuffer } from './encode.ts'
import { FramePool } from './frame-pool.ts'
import type { EventLayout } from './layout.ts'
import type { EventCall, Segment } from './receipt.ts'

/** Bytes of a header beside the source's name: frame, type, name's length, sequence, count. */
const headerBytesMax = 1 + 1 + 5 + 9 + 5

/** A batch as it is sent, and sent again: its bytes never change. */
export interface SealedBatch {
  readonly source: string
  /** Sequence of the first event. */
  readonly sequence: number
  readonly count: number
  /** The whole PUBLISH frame. */
  readonly frame: Uint8Array
  /** The calls that the events came from, in order. */
  readonly segments: readonly Segment[]
  /** What holds the frame. */
  readonly buffer: ArrayBuffer
}

export class OpenBatch {
  readonly source: string
  readonly #events: EventBuffer
  readonly #start: number
  #segments: Segment[] = []
  #count = 0

  /** @param capacity  Bytes of all its events, as far as they are known. */
  constructor(source: string, capacity: number, pool = new FramePool(0)) {
    this.source = source
    this.#start = headerBytesMax + Buffer.byteLength(source)
    this.#events = new EventBuffer(this.#start, pool.take(this.#start + capacity))
  }

  get count(): number {
    return this.#count
  }

  /** Bytes of the frame, at most. */
  get byteLength(): number {
    return this.#events.byteLength
  }

  /** Appends the event at place `index` of a call; on an error nothing is appended. */
  add(event: unknown, call: EventCall, index: number, layout: EventLayout | null = null): void {
    this.#events.event(event, layout)
    this.#counted(call, index)
  }

  /** Appends an event that is encoded already. */
  append(event: Uint8Array, call: EventCall, index: number): void {
    this.#events.append(event)
    this.#counted(call, index)
  }

  /** Takes the last event out again; its bytes started at `byteLength`. */
  pop(byteLength: number): Uint8Array {
    const event = Uint8Array.from(this.#events.view(byteLength))
    this.#events.truncate(byteLength)
    this.#count -= 1
    const segment = this.#segments.at(-1)!
    segment.count -= 1
    if (segment.count === 0) {
      this.#segments.pop()
      segment.call.withdrawn()
    }
    return event
  }

  /** Forgets what was appended after the batch had these lengths; the calls of it have failed. */
  truncate(byteLength: number, count: number, segments: number): void {
    this.#events.truncate(byteLength)
    this.#segments = this.#segments.slice(0, segments)
    this.#count = count
    // A call that goes on has its older events in the same segment.
    const last = this.#segments.at(-1)
    if (last !== undefined) {
      last.count -= this.#segments.reduce((sum, segment) => sum + segment.count, 0) - count
    }
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }

  /** The events one by one, with their places; the calls are taken out of the batch. */
  *dismantle(): Generator<{ event: Uint8Array; call: EventCall; index: number }> {
    let at = this.#start
    for (const { call, index, count } of this.#segments) {
      call.withdrawn()
      for (let i = 0; i < count; i++) {
        const end = binEnd(this.#events.view(0), at)
        yield { event: this.#events.view(at, end), call, index: index + i }
        at = end
      }
    }
  }

  /** Gives the events their sequences and puts the header in front. */
  seal(sequence: number): SealedBatch {
    let first = sequence
    for (const { call, count } of this.#segments) {
      call.sequenced(first, count)
      first += count
    }
    const header = this.#header(sequence)
    const frame = this.#events.view(this.#start - header.length)
    frame.set(header)
    const { buffer } = this.#events
    const { source } = this
    return { source, sequence, count: this.#count, frame, segments: this.#segments, buffer }
  }

  /** `[3, source, sequence, [` as msgpack. */
  #header(sequence: number): Uint8Array {
    const opening = encode([frameType.publish, this.source, sequence])
    opening[0]! += 1
    const count = this.#count
    const array =
      count < 16
        ? [0x90 | count]
        : count < 0x10000
          ? [0xdc, count >>> 8, count & 0xff]
          : [0xdd, count >>> 24, (count >>> 16) & 0xff, (count >>> 8) & 0xff, count & 0xff]
    return Buffer.concat([opening, Uint8Array.from(array)])
  }

  #counted(call: EventCall, index: number): void {
    this.#count += 1
    const segment = this.#segments[this.#segments.length - 1]
    if (segment?.call === call) segment.count += 1
    else {
      this.#segments.push({ call, index, count: 1 })
      call.opened()
    }
  }
}

/** The end of the `bin` that starts at `at`. */
function binEnd(bytes: Buffer, at: number): number {
  switch (bytes[at]) {
    case 0xc4:
      return at + 2 + bytes[at + 1]!
    case 0xc5:
      return at + 3 + bytes.readUInt16BE(at + 1)
    default:
      return at + 5 + bytes.readUInt32BE(at + 1)
  }
}
