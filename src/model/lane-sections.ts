/**
 * The sections that one message brings to a lane: one buffer, with a part for each of its shards.
 *
 * A buffer for each shard would be as many objects on either side of every message, and those that
 * come out of a message are new each time: with sixteen shards they were most of what the garbage
 * collector had to do. Both directions of the encoding are in this file.
 *
 * Little-endian, in words of four bytes: for each shard, in the order of the lane, how many bytes
 * its part holds; then the parts, all equally long, whose sections are as `section.ts` has them.
 *
 * Thread: written on the main thread, read on the shard's thread; shared as its sections are.
 */
import { SectionWriter, type SectionRoom } from './section.ts'

/** Words of a new part; all parts grow when one of them is full. */
const partWordsNew = 1024

/** Where the sections of a shard are in the buffer, bytes. */
export interface LanePart {
  readonly start: number
  readonly end: number
}

export class LaneSections {
  readonly #writers: readonly SectionWriter[]
  #words!: Int32Array
  #partWords = 0

  /** @param shards  Of the lane. */
  constructor(shards: number) {
    const rooms = this.#roomsOf(shards, partWordsNew)
    const grow = (room: SectionRoom, wordsMin: number) => this.#grow(room, wordsMin)
    this.#writers = rooms.map((room) => new SectionWriter(room, grow))
  }

  /** Writes sections for a shard, by its place in the lane. */
  writer(place: number): SectionWriter {
    return this.#writers[place]!
  }

  /** Bytes of the buffer, which are not all in use. */
  get byteLength(): number {
    return this.#words.byteLength
  }

  /** Bytes of the sections for the shard that has most of them. */
  get fullestBytes(): number {
    let most = 0
    for (const { byteLength } of this.#writers) most = Math.max(most, byteLength)
    return most
  }

  /** Notes how long the parts are; the buffer is ready to be read. */
  close(): SharedArrayBuffer {
    const words = this.#words
    this.#writers.forEach((writer, place) => (words[place] = writer.byteLength))
    return words.buffer as SharedArrayBuffer
  }

  /** Forgets what was written: the memory is to be filled again. */
  clear(): void {
    for (const writer of this.#writers) writer.clear()
  }

  /** Makes all parts at least twice as long. */
  #grow({ start }: SectionRoom, wordsMin: number): SectionRoom {
    const before = this.#words
    const shards = this.#writers.length
    const place = (start - shards) / this.#partWords
    const starts = this.#writers.map((_, n) => shards + n * this.#partWords)
    const rooms = this.#roomsOf(shards, Math.max(wordsMin, this.#partWords * 2))
    for (const [n, writer] of this.#writers.entries()) {
      const written = before.subarray(starts[n], starts[n]! + writer.byteLength / 4)
      this.#words.set(written, rooms[n]!.start)
      writer.move(rooms[n]!)
    }
    return rooms[place]!
  }

  #roomsOf(shards: number, partWords: number): readonly SectionRoom[] {
    const buffer = new SharedArrayBuffer((shards + shards * partWords) * 4)
    const words = new Int32Array(buffer)
    const view = new DataView(buffer)
    this.#words = words
    this.#partWords = partWords
    return Array.from({ length: shards }, (_, n) => {
      const start = shards + n * partWords
      return { words, view, start, end: start + partWords }
    })
  }
}

/** The part of a shard. @param words  Of the whole buffer. */
export function lanePart(words: Int32Array, place: number, shards: number): LanePart {
  const start = (shards + (place * (words.length - shards)) / shards) * 4
  return { start, end: start + words[place]! }
}
