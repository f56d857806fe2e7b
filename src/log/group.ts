/**
 * Appended bytes that wait to be written, in groups.
 *
 * A group is what one `writev` and one `fdatasync` put on disk: everything that was appended while
 * the group before it was being written, up to a bound. Heads of records and small payloads are
 * copied into a shared arena, where they join into long chunks; larger payloads are kept as they
 * are and let go with their group.
 *
 * Thread: main. No I/O here.
 */
import { logGroupBytesMax } from '../base/limits.ts'
import { recordsStart, type SegmentPlan } from './segment.ts'

/** Bytes of the arena; every byte of it is written once. */
const arenaBytes = 64 * 1024

/** Largest payload that is copied: up to here a copy is cheaper than a chunk of its own. */
const copyBytesMax = 4096

export interface Group {
  /** The segment to create before writing; null to go on in the current one. */
  readonly segment: SegmentPlan | null
  /** Positions of the first byte and behind the last. */
  readonly start: number
  end: number
  /** Together `end - start` bytes, none empty. */
  readonly chunks: Uint8Array[]
}

export class GroupQueue {
  /** What the caller writes heads into, at the offset that `reserve` returns. */
  arena: Uint8Array
  view: DataView
  #at = 0
  /** Start of the arena's bytes that are not in a chunk yet; they belong to the last group. */
  #chunkStart = 0
  readonly #groups: Group[] = []
  #end: number

  constructor(end: number) {
    this.#end = end
    this.arena = Buffer.allocUnsafeSlow(arenaBytes)
    this.view = new DataView(this.arena.buffer)
  }

  /** Position behind the last appended byte. */
  get end(): number {
    return this.#end
  }

  get isEmpty(): boolean {
    return this.#groups.length === 0
  }

  /** Position where the group starts that the next record joins. */
  open(): number {
    const tail = this.#groups.at(-1)
    if (tail !== undefined && tail.end - tail.start < logGroupBytesMax) return tail.start
    return this.#begin(null, this.#end)
  }

  /** Starts a group in a segment of its own. */
  openSegment(plan: SegmentPlan): void {
    this.#begin(plan, recordsStart(plan))
  }

  /** Makes room for a head; returns where it is to be written in the arena. */
  reserve(bytes: number): number {
    if (this.#at + bytes > this.arena.length) {
      this.#cut()
      this.arena = Buffer.allocUnsafeSlow(arenaBytes)
      this.view = new DataView(this.arena.buffer)
      this.#at = 0
      this.#chunkStart = 0
    }
    return this.#at
  }

  /** Appends a record whose head was written at the reserved place; the position of its end. */
  append(headBytes: number, payload: Uint8Array): number {
    this.#at += headBytes
    this.#grow(headBytes)
    return payload.length === 0 ? this.#end : this.appendBytes(payload)
  }

  /** Appends bytes, which must not change until they are written; the position of their end. */
  appendBytes(bytes: Uint8Array): number {
    if (bytes.length <= copyBytesMax && this.#at + bytes.length <= this.arena.length) {
      this.arena.set(bytes, this.#at)
      this.#at += bytes.length
    } else {
      this.#cut()
      this.#groups.at(-1)!.chunks.push(bytes)
    }
    this.#grow(bytes.length)
    return this.#end
  }

  /** Takes the first group out; later appends do not join it. */
  take(): Group | undefined {
    this.#cut()
    return this.#groups.shift()
  }

  /** Lets everything go. */
  clear(): void {
    this.#groups.length = 0
    this.#chunkStart = this.#at
  }

  #begin(segment: SegmentPlan | null, start: number): number {
    this.#cut()
    this.#end = start
    this.#groups.push({ segment, start, end: start, chunks: [] })
    return start
  }

  #grow(bytes: number): void {
    this.#end += bytes
    this.#groups.at(-1)!.end = this.#end
  }

  /** Makes a chunk of what was written to the arena since the last one. */
  #cut(): void {
    if (this.#at === this.#chunkStart) return
    this.#groups.at(-1)!.chunks.push(this.arena.subarray(this.#chunkStart, this.#at))
    this.#chunkStart = this.#at
  }
}
