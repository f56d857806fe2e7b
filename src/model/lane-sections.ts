/**
 * The sections that one message brings to a lane: one buffer, with a part for each of its shards.
 *
 * A buffer for each shard would be as many objects on either side of every message, and those that
 * come out of a message are new each time: with sixteen shards they were a good part of what the
 * garbage collector had to do. A part that is full moves behind all others and is twice as long
 * there, so the buffer follows what is written, whichever shards it is for. Both directions of the
 * encoding are in this file.
 *
 * Little-endian, in words of four bytes: for each shard, in the order of the lane, the first word
 * of its part and how many bytes it holds; then the parts, with sections as `section.ts` has them.
 *
 * Thread: written on the main thread, read on the shard's thread; shared as its sections are.
 */
import { SectionWriter, type SectionRoom } from './section.ts'

/** Words of a new part. */
const partWordsNew = 1024

const headerWords = 2

/** Where the sections of a shard are in the buffer, bytes. */
export interface LanePart {
  readonly start: number
  readonly end: number
}

export class LaneSections {
  readonly #writers: readonly SectionWriter[]
  /** By place of the shard. */
  readonly #rooms: SectionRoom[]
  #words: Int32Array
  #view: DataView
  /** The word behind the last part. */
  #end: number

  /** @param shards  Of the lane. */
  constructor(shards: number) {
    const first = shards * headerWords
    this.#end = first + shards * partWordsNew
    const buffer = new SharedArrayBuffer(this.#end * 4)
    this.#words = new Int32Array(buffer)
    this.#view = new DataView(buffer)
    this.#rooms = Array.from({ length: shards }, (_, place) =>
      this.#roomAt(first + place * partWordsNew, partWordsNew),
    )
    this.#writers = this.#rooms.map((room, place) => {
      return new SectionWriter(room, (_, wordsMin) => this.#grow(place, wordsMin))
    })
  }

  /** Writes sections for a shard, by its place in the lane. */
  writer(place: number): SectionWriter {
    return this.#writers[place]!
  }

  /** Bytes of the buffer, which are not all in use. */
  get byteLength(): number {
    return this.#words.byteLength
  }

  /** Notes where the parts are; the buffer is ready to be read. */
  close(): SharedArrayBuffer {
    const words = this.#words
    for (let place = 0; place < this.#writers.length; place++) {
      words[place * headerWords] = this.#rooms[place]!.start
      words[place * headerWords + 1] = this.#writers[place]!.byteLength
    }
    return words.buffer as SharedArrayBuffer
  }

  /** Forgets what was written: the memory is to be filled again. */
  clear(): void {
    for (const writer of this.#writers) writer.clear()
  }

  /** Moves a part behind all others, where it is at least twice as long. */
  #grow(place: number, wordsMin: number): SectionRoom {
    const { start, end } = this.#rooms[place]!
    const length = Math.max(wordsMin, 2 * (end - start))
    const to = this.#end
    this.#end += length
    if (this.#end > this.#words.length) this.#extend(this.#end)
    this.#words.copyWithin(to, start, end)
    this.#rooms[place] = this.#roomAt(to, length)
    return this.#rooms[place]
  }

  /** Takes a longer buffer, in which everything is where it was. */
  #extend(wordsMin: number): void {
    const words = new Int32Array(
      new SharedArrayBuffer(4 * Math.max(wordsMin, 2 * this.#words.length)),
    )
    words.set(this.#words)
    this.#words = words
    this.#view = new DataView(words.buffer)
    for (const [place, { start, end }] of this.#rooms.entries()) {
      this.#rooms[place] = this.#roomAt(start, end - start)
      this.#writers[place]!.move(this.#rooms[place])
    }
  }

  #roomAt(start: number, length: number): SectionRoom {
    return { words: this.#words, view: this.#view, start, end: start + length }
  }
}

/** The part of a shard. @param words  Of the whole buffer. */
export function lanePart(words: Int32Array, place: number): LanePart {
  const start = words[place * headerWords]! * 4
  return { start, end: start + words[place * headerWords + 1]! }
}
