/**
 * Sections: which events the router sends to which shard.
 *
 * They stand in runs, one for each shard (`lane-sections.ts`). A section names the events of one
 * journalled batch that one route sends to one shard, with the facts that every decision about them
 * depends on: the batch's journal position and arrival time. The events themselves stand in the
 * batch, which is copied whole, once for each lane, into a buffer of its own: one long copy costs
 * less than a short one an event. Both directions of the encoding are in this file.
 *
 * Little-endian, in words of four bytes. Section: `u32 bytes, u16 source, u16 route, u32 events,
 * u32 backfill, f64 position, f64 arrivalMs`, then per event: `u32 index, u32 keyHash,
 * u32 eventStart, u32 sizes` (the event's bytes in the lower 20 bits, the key's above), and the
 * key's bytes, filled up with zeros.
 *
 * Thread: written on the main thread, read on the shard's thread. The memory is shared, and belongs
 * to one of them at a time: buffers that change hands whole are counted as new memory by each
 * thread's garbage collector, which then has far more to do than there is garbage.
 */
import { futureMsMax } from '../base/limits.ts'

const sectionHeaderBytes = 32
const eventHeaderWords = 4

/** Bits of an event's size; the rest of the word is that of its key. */
const eventSizeBits = 20
const eventSizeMask = 2 ** eventSizeBits - 1

/** One section's header. */
export interface Section {
  source: number
  route: number
  events: number
  /** The backfill that its events are of; 0 for events of the stream. */
  backfill: number
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

/** The buffers of a section, as its shard reads them. */
export interface SectionBuffers {
  /** The section's, in three views: keys stand in it. */
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly view: DataView
  /** The events', and a view of them. */
  readonly events: Buffer
  readonly eventsView: DataView
}

/** Both buffers stay as they are until the lane has answered. */
export function sectionBuffers(
  sections: SharedArrayBuffer,
  events: SharedArrayBuffer,
): SectionBuffers {
  return {
    bytes: new Uint8Array(sections),
    words: new Int32Array(sections),
    view: new DataView(sections),
    events: Buffer.from(events),
    eventsView: new DataView(events),
  }
}

/** Where an event of a section belongs, and where it stands among the events of its lane. */
export interface SectionEvent {
  /** Place in the batch. */
  index: number
  keyHash: number
  /** The key's bytes in that buffer, and how many; zeros follow them up to a whole word. */
  keyStart: number
  keyBytes: number
  start: number
  end: number
}

export function createSectionEvent(): SectionEvent {
  return { index: 0, keyHash: 0, keyStart: 0, keyBytes: 0, start: 0, end: 0 }
}

/** Batches one behind the other in a growing buffer. */
export class EventsWriter {
  #buffer: SharedArrayBuffer
  #bytes: Uint8Array
  #at = 0

  constructor(buffer: SharedArrayBuffer) {
    this.#buffer = buffer
    this.#bytes = new Uint8Array(buffer)
  }

  get byteLength(): number {
    return this.#at
  }

  /** Appends the events of a batch; returns where they begin. */
  append(payload: Uint8Array): number {
    const start = this.#at
    if (start + payload.length > this.#bytes.length) {
      this.#buffer = grown(this.#bytes.subarray(0, start), start + payload.length)
      this.#bytes = new Uint8Array(this.#buffer)
    }
    this.#bytes.set(payload, start)
    this.#at = start + payload.length
    return start
  }

  /** The memory as it is now. */
  get buffer(): SharedArrayBuffer {
    return this.#buffer
  }

  /** Forgets what was written: the memory is to be filled again. */
  clear(): void {
    this.#at = 0
  }
}

/** A part of a buffer that sections are written into, with views of the whole buffer. */
export interface SectionRoom {
  readonly words: Int32Array
  readonly view: DataView
  /** First word of the part, and the one behind its last. */
  readonly start: number
  readonly end: number
}

/** Writes sections one behind the other into a room that grows. */
export class SectionWriter {
  #room: SectionRoom
  #words: Int32Array
  /** Gives a larger room, which begins with the words of the one before. */
  readonly #grow: (room: SectionRoom, wordsMin: number) => SectionRoom
  /** The next word. */
  #at: number
  /** First word of the section at hand. */
  #section = -1
  #events = 0
  /** Where the events of the batch at hand begin. */
  #eventsStart = 0

  constructor(room: SectionRoom, grow = grownAlone) {
    this.#room = room
    this.#words = room.words
    this.#grow = grow
    this.#at = room.start
  }

  /** A writer with a buffer of its own. */
  static alone(byteLength: number): SectionWriter {
    return new SectionWriter(wholeOf(new SharedArrayBuffer(byteLength)))
  }

  /** Bytes written so far. */
  get byteLength(): number {
    return (this.#at - this.#room.start) * 4
  }

  /** Goes on in another room, to which what was written has been copied. */
  move(room: SectionRoom): void {
    this.#at += room.start - this.#room.start
    this.#section += room.start - this.#room.start
    this.#room = room
    this.#words = room.words
  }

  /** Forgets what was written: the room is to be filled again. */
  clear(): void {
    this.#at = this.#room.start
  }

  /**
   * @param eventsStart  Where the batch begins among the events of the lane.
   * @param backfill  The backfill that it is of; 0 for the stream.
   */
  open(
    source: number,
    route: number,
    position: number,
    arrivalMs: number,
    eventsStart: number,
    backfill = 0,
  ): void {
    this.#reserve(sectionHeaderBytes / 4)
    const at = this.#at * 4
    const { view } = this.#room
    view.setUint16(at + 4, source, true)
    view.setUint16(at + 6, route, true)
    view.setUint32(at + 12, backfill, true)
    view.setFloat64(at + 16, position, true)
    view.setFloat64(at + 24, arrivalMs, true)
    this.#section = this.#at
    this.#events = 0
    this.#eventsStart = eventsStart
    this.#at += sectionHeaderBytes / 4
  }

  /**
   * Appends the event `[start, end)` of the batch.
   *
   * @param key  The key's bytes, filled up with zeros.
   */
  event(
    index: number,
    keyHash: number,
    key: Int32Array,
    keyBytes: number,
    start: number,
    end: number,
  ): void {
    const keyWords = (keyBytes + 3) >>> 2
    if (this.#at + eventHeaderWords + keyWords > this.#room.end) {
      this.#reserve(eventHeaderWords + keyWords)
    }
    const words = this.#words
    const at = this.#at
    words[at] = index
    words[at + 1] = keyHash
    words[at + 2] = this.#eventsStart + start
    words[at + 3] = (end - start) | (keyBytes << eventSizeBits)
    for (let i = 0; i < keyWords; i++) words[at + eventHeaderWords + i] = key[i]!
    this.#at = at + eventHeaderWords + keyWords
    this.#events += 1
  }

  /** Ends the section; returns its bytes. */
  close(): number {
    const bytes = (this.#at - this.#section) * 4
    const { view } = this.#room
    view.setUint32(this.#section * 4, bytes, true)
    view.setUint32(this.#section * 4 + 8, this.#events, true)
    return bytes
  }

  /** The buffer as it is now, which may be longer than the bytes that are written. */
  get buffer(): SharedArrayBuffer {
    return this.#words.buffer as SharedArrayBuffer
  }

  #reserve(words: number): void {
    const { start, end } = this.#room
    if (this.#at + words > end) this.move(this.#grow(this.#room, this.#at - start + words))
  }
}

/** All of a buffer. */
function wholeOf(buffer: SharedArrayBuffer): SectionRoom {
  const words = new Int32Array(buffer)
  return { words, view: new DataView(buffer), start: 0, end: words.length }
}

function grownAlone({ words }: SectionRoom, wordsMin: number): SectionRoom {
  const bytes = new Uint8Array(words.buffer)
  return wholeOf(grown(bytes, wordsMin * 4))
}

/** Bytes in a buffer with room for twice as many, and at least for some; whole words. */
function grown(bytes: Uint8Array, byteLengthMin: number): SharedArrayBuffer {
  const byteLength = Math.max(bytes.length * 2, byteLengthMin)
  const buffer = new SharedArrayBuffer((byteLength + 3) & ~3)
  new Uint8Array(buffer).set(bytes)
  return buffer
}

/** Reads the section that starts at `at`. */
export function readSection(view: DataView, at: number): Section {
  const arrivalMs = view.getFloat64(at + 24, true)
  return {
    source: view.getUint16(at + 4, true),
    route: view.getUint16(at + 6, true),
    events: view.getUint32(at + 8, true),
    backfill: view.getUint32(at + 12, true),
    position: view.getFloat64(at + 16, true),
    arrivalMs,
    latestMs: arrivalMs + futureMsMax,
    start: at + sectionHeaderBytes,
    end: at + view.getUint32(at, true),
  }
}

/** Reads the event at an offset into `event`; returns the offset of the next one. */
export function readSectionEvent(words: Int32Array, at: number, event: SectionEvent): number {
  const word = at >>> 2
  const sizes = words[word + 3]!
  event.index = words[word]!
  event.keyHash = words[word + 1]! >>> 0
  event.keyStart = at + eventHeaderWords * 4
  event.keyBytes = sizes >>> eventSizeBits
  event.start = words[word + 2]!
  event.end = event.start + (sizes & eventSizeMask)
  return event.keyStart + ((event.keyBytes + 3) & ~3)
}
