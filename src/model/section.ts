/**
 * The buffer that carries events from the router to a shard.
 *
 * A shard buffer is a run of sections. A section holds the events of one journalled batch that one
 * route sends to one shard, with the facts that every decision about them depends on: the batch's
 * journal position and arrival time. Both directions of the encoding are in this file.
 *
 * Little-endian. Section: `u32 bytes, u16 source, u16 route, u32 events, u32 0, f64 position,
 * f64 arrivalMs`, then per event: `u32 index, u32 keyHash, u32 eventBytes, u16 keyBytes, u16 0`,
 * the key's bytes and the event's msgpack bytes.
 *
 * Thread: written on the main thread, read on the shard's thread. The memory is shared, and belongs
 * to one of them at a time: buffers that change hands whole are counted as new memory by each
 * thread's garbage collector, which then has far more to do than there is garbage.
 */
import { futureMsMax } from '../base/limits.ts'

const sectionHeaderBytes = 32
export const eventHeaderBytes = 16

/** One section's header. */
export interface Section {
  source: number
  route: number
  events: number
  /** Journal position of the end of the batch. */
  position: number
  /** Wall time at which the batch was journalled, ms; never decreases with `position`. */
  arrivalMs: number
  /** Latest event time that may count, ms: where what is in the future begins. */
  latestMs: number
  /** Offsets into the buffer: the first event header, and the end of the section. */
  start: number
  end: number
}

/** Writes sections into a growing buffer. */
export class SectionWriter {
  #buffer: SharedArrayBuffer
  #bytes: Uint8Array
  #view: DataView
  /** The events' bytes, which are those of their whole batch, and a view of them. */
  #source: Uint8Array
  #sourceView: DataView
  #at = 0
  #section = -1
  #events = 0

  constructor(buffer: SharedArrayBuffer) {
    this.#buffer = buffer
    this.#bytes = new Uint8Array(buffer)
    this.#view = new DataView(buffer)
    this.#source = this.#bytes
    this.#sourceView = this.#view
  }

  /** Bytes written so far. */
  get byteLength(): number {
    return this.#at
  }

  open(source: number, route: number, position: number, arrivalMs: number): void {
    this.#reserve(sectionHeaderBytes)
    const at = this.#at
    this.#view.setUint16(at + 4, source, true)
    this.#view.setUint16(at + 6, route, true)
    this.#view.setUint32(at + 12, 0, true)
    this.#view.setFloat64(at + 16, position, true)
    this.#view.setFloat64(at + 24, arrivalMs, true)
    this.#section = at
    this.#events = 0
    this.#at = at + sectionHeaderBytes
  }

  /** Appends one event: `key[keyStart, keyEnd)` and `event[start, end)` are copied. */
  event(
    index: number,
    keyHash: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    event: Uint8Array,
    start: number,
    end: number,
  ): void {
    const keyBytes = keyEnd - keyStart
    const eventBytes = end - start
    this.#reserve(eventHeaderBytes + keyBytes + eventBytes)
    const view = this.#view
    const bytes = this.#bytes
    let at = this.#at
    view.setUint32(at, index, true)
    view.setUint32(at + 4, keyHash, true)
    view.setUint32(at + 8, eventBytes, true)
    view.setUint32(at + 12, keyBytes, true)
    at += eventHeaderBytes
    for (let i = keyStart; i < keyEnd; i++) bytes[at++] = key[i]!
    if (event !== this.#source) {
      this.#source = event
      this.#sourceView = new DataView(event.buffer, event.byteOffset, event.byteLength)
    }
    // Word by word: several times faster than byte by byte or `set(subarray())` for small events.
    if (eventBytes <= 512) {
      const source = this.#sourceView
      let i = start
      for (; i + 4 <= end; i += 4, at += 4) view.setInt32(at, source.getInt32(i))
      for (; i < end; i++, at++) bytes[at] = event[i]!
    } else {
      bytes.set(event.subarray(start, end), at)
      at += eventBytes
    }
    this.#at = at
    this.#events += 1
  }

  close(): void {
    this.#view.setUint32(this.#section, this.#at - this.#section, true)
    this.#view.setUint32(this.#section + 8, this.#events, true)
  }

  /** Takes the written bytes out; the writer is spent. The buffer may be longer than the bytes. */
  take(): { buffer: SharedArrayBuffer; byteLength: number } {
    return { buffer: this.#buffer, byteLength: this.#at }
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const length = Math.max(this.#bytes.length * 2, this.#at + bytes)
    this.#buffer = new SharedArrayBuffer(length)
    const grown = new Uint8Array(this.#buffer)
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
    this.#view = new DataView(this.#buffer)
  }
}

/** Reads the section that starts at `at`. */
export function readSection(view: DataView, at: number): Section {
  const arrivalMs = view.getFloat64(at + 24, true)
  return {
    source: view.getUint16(at + 4, true),
    route: view.getUint16(at + 6, true),
    events: view.getUint32(at + 8, true),
    position: view.getFloat64(at + 16, true),
    arrivalMs,
    latestMs: arrivalMs + futureMsMax,
    start: at + sectionHeaderBytes,
    end: at + view.getUint32(at, true),
  }
}
