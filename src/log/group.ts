/**
 * Appended bytes that wait to be written, in groups.
 *
 * A group is what one `writev` and one `fdatasync` put on disk: everything that was appended while
 * the group before it was being written, up to a bound. Records are copied into arenas of the
 * group, which are used again when it is on disk: what was read from a socket is then nobody's any
 * more as soon as it is appended, and the garbage collector has next to nothing to keep.
 *
 * Thread: main. No I/O here.
 */
import { logGroupBytesMax } from '../base/limits.ts'
import { recordsStart, type SegmentPlan } from './segment.ts'

/** Bytes of an arena, and those that are kept between two groups. */
const arenaBytes = 256 * 1024
const freeArenasMax = 16

export interface Group {
  /** The segment to create before writing; null to go on in the current one. */
  readonly segment: SegmentPlan | null
  /** Positions of the first byte and behind the last. */
  readonly start: number
  end: number
  /** Together `end - start` bytes, none empty. */
  readonly chunks: Uint8Array[]
  /** What the chunks are parts of. */
  readonly arenas: Uint8Array[]
}

export class GroupQueue {
  /** What the caller writes heads into, at the offset that `reserve` returns. */
  arena: Uint8Array
  view: DataView
  #at = 0
  /** Start of the arena's bytes that are not in a chunk yet; they belong to the last group. */
  #chunkStart = 0
  readonly #groups: Group[] = []
  readonly #free: Uint8Array[] = []
  #end: number

  constructor(end: number) {
    this.#end = end
    this.arena = Buffer.allocUnsafeSlow(arenaBytes)
    this.view = viewOf(this.arena)
  }

  /** Position behind the last appended byte. */
  get end(): number {
    return this.#end
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

  /** Makes room for a head in the open group; returns where it is to be written in the arena. */
  reserve(bytes: number): number {
    if (this.#at + bytes > this.arena.length) this.#nextArena()
    return this.#at
  }

  /** Appends a record whose head was written at the reserved place; the position of its end. */
  append(headBytes: number, payload: Uint8Array): number {
    this.#at += headBytes
    this.#grow(headBytes)
    return this.appendBytes(payload)
  }

  /** Appends a copy of bytes to the open group; the position of their end. */
  appendBytes(bytes: Uint8Array): number {
    for (let from = 0; from < bytes.length;) {
      if (this.#at === this.arena.length) this.#nextArena()
      const room = this.arena.length - this.#at
      const isWhole = from === 0 && bytes.length <= room
      const part = isWhole ? bytes : bytes.subarray(from, from + room)
      this.arena.set(part, this.#at)
      this.#at += part.length
      from += part.length
    }
    this.#grow(bytes.length)
    return this.#end
  }

  /** Takes the first group out; later appends do not join it. */
  take(): Group | undefined {
    const group = this.#groups[0]
    if (this.#groups.length === 1) this.#finish()
    this.#groups.shift()
    return group
  }

  /** The group is on disk: its arenas are filled again. */
  written({ arenas }: Group): void {
    for (const arena of arenas) if (this.#free.length < freeArenasMax) this.#free.push(arena)
  }

  /** Lets everything go. */
  clear(): void {
    this.#groups.length = 0
    this.#chunkStart = this.#at
  }

  #begin(segment: SegmentPlan | null, start: number): number {
    this.#finish()
    this.#end = start
    this.#groups.push({ segment, start, end: start, chunks: [], arenas: [] })
    return start
  }

  #grow(bytes: number): void {
    this.#end += bytes
    this.#groups.at(-1)!.end = this.#end
  }

  /** Ends the last group: an arena is of one group. */
  #finish(): void {
    if (this.#at > 0) this.#nextArena()
  }

  #nextArena(): void {
    this.#cut()
    this.#groups.at(-1)?.arenas.push(this.arena)
    this.arena = this.#free.pop() ?? Buffer.allocUnsafeSlow(arenaBytes)
    this.view = viewOf(this.arena)
    this.#at = 0
    this.#chunkStart = 0
  }

  /** Makes a chunk of what was written to the arena since the last one. */
  #cut(): void {
    if (this.#at === this.#chunkStart) return
    this.#groups.at(-1)!.chunks.push(this.arena.subarray(this.#chunkStart, this.#at))
    this.#chunkStart = this.#at
  }
}

function viewOf(arena: Uint8Array): DataView {
  return new DataView(arena.buffer, arena.byteOffset, arena.byteLength)
}
