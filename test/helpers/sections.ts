/**
 * Sections as the router writes them, event by event.
 */
import type { LanePart } from '../../src/model/lane-sections.ts'
import {
  EventsWriter,
  sectionBuffers,
  SectionWriter,
  type SectionBuffers,
} from '../../src/model/section.ts'

export interface SentSections {
  readonly buffer: SharedArrayBuffer
  readonly byteLength: number
  readonly events: SharedArrayBuffer
}

export class Sections {
  readonly #sections: SectionWriter
  readonly #events: EventsWriter

  /**
   * @param events  Where the events go; shards of one lane share it.
   * @param sections  Where the sections go.
   */
  constructor(events = newEvents(), sections = SectionWriter.alone(64)) {
    this.#events = events
    this.#sections = sections
  }

  open(source: number, route: number, position: number, arrivalMs: number): void {
    this.#sections.open(source, route, position, arrivalMs, 0)
  }

  event(index: number, keyHash: number, key: Uint8Array, event: Uint8Array): void {
    const start = this.#events.append(event)
    const words = new Int32Array((key.length + 3) >>> 2)
    new Uint8Array(words.buffer).set(key)
    this.#sections.event(index, keyHash, words, key.length, start, start + event.length)
  }

  close(): void {
    this.#sections.close()
  }

  take(): SentSections {
    const { buffer, byteLength } = this.#sections
    return { buffer, byteLength, events: this.#events.buffer }
  }
}

export function newEvents(): EventsWriter {
  return new EventsWriter(new SharedArrayBuffer(64))
}

/** Where they stand in their buffer. */
export function partOf({ byteLength }: SentSections): LanePart {
  return { start: 0, end: byteLength }
}

export function buffersOf({ buffer, events }: SentSections): SectionBuffers {
  return sectionBuffers(buffer, events)
}
