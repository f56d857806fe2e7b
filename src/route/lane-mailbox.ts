/**
 * What is on its way to one lane: buffers that fill, and messages that are not answered yet.
 *
 * Sections of batches are written into one buffer with a part for each shard, and the batches
 * themselves into another. A message carries both, so a lane sees its batches in journal order,
 * each whole. At most `laneBuffersMax` messages are unanswered; beyond, the buffers wait and grow,
 * and messages become fewer and larger exactly when the lane is busy. The memory is bounded by the
 * intake, which counts what was copied for each batch. Answered buffers are filled again.
 *
 * Thread: main.
 */
import { assert } from '../base/assert.ts'
import { laneBuffersMax, laneEventsBytesMax } from '../base/limits.ts'
import type { BatchInFlight, RoutableBatch } from '../model/contracts.ts'
import { LaneSections } from '../model/lane-sections.ts'
import type { FromShard, Recorded, ToShard } from '../model/message.ts'
import { EventsWriter, type SectionWriter } from '../model/section.ts'

/** The part of a lane that the router needs. */
export interface RouterLane {
  /** The shards that the lane owns. */
  readonly shards: readonly number[]
  post(message: ToShard): void
  onMessage(listener: (message: FromShard) => void): void
}

/** Journal positions that every message tells its lane. */
export interface Progress {
  /** End of the last batch that was written to the buffers of every lane. */
  routed: number
  /** The journal is on disk up to here. */
  flushed: number
  readonly recorded: () => Recorded
}

type Applied = Extract<FromShard, { kind: 'applied' }>

export interface LaneLoad {
  /** That the lane has not answered. */
  readonly messages: number
  /** That wait, and their bytes. */
  readonly batches: number
  readonly bytes: number
}

/** A batch, and where its events are among those of its message. */
interface SentBatch {
  readonly batch: BatchInFlight
  readonly start: number
  readonly end: number
}

interface Unanswered {
  readonly id: number
  readonly sections: LaneSections
  readonly events: EventsWriter
  readonly batches: readonly SentBatch[]
}

/** Bytes of a new buffer of events; it grows as needed. */
const eventsBytesNew = 64 * 1024

/** Answered buffers that are kept: as many as are ever on their way. */
const freeMax = laneBuffersMax + 1

/** Larger buffers are not kept. */
const freeSectionsBytesMax = 2 * 1024 * 1024
const freeEventsBytesMax = 4 * laneEventsBytesMax

export class LaneMailbox {
  readonly #lane: RouterLane
  readonly #progress: Readonly<Progress>
  readonly #onAnswered: () => void
  /** By shard: its place in the lane. */
  readonly #placeOf: ReadonlyMap<number, number>
  #sections: LaneSections
  #batches: SentBatch[] = []
  readonly #unanswered: Unanswered[] = []
  /** The events of the batches that sections were written of. */
  #events: EventsWriter
  readonly #freeSections: LaneSections[] = []
  readonly #freeEvents: EventsWriter[] = []
  #nextId = 0

  constructor(lane: RouterLane, progress: Readonly<Progress>, onAnswered: () => void) {
    this.#lane = lane
    this.#placeOf = new Map(lane.shards.map((shard, place) => [shard, place]))
    this.#progress = progress
    this.#onAnswered = onAnswered
    this.#sections = this.#newSections()
    this.#events = this.#newEvents()
    lane.onMessage((message) => {
      if (message.kind === 'applied') this.#answered(message)
    })
  }

  /** Nothing waits here, and every message is answered. */
  get isIdle(): boolean {
    return this.#batches.length === 0 && this.#unanswered.length === 0
  }

  /** What the lane has not answered, and what waits to be sent to it. */
  get load(): LaneLoad {
    const messages = this.#unanswered.length
    return { messages, batches: this.#batches.length, bytes: this.#events.byteLength }
  }

  /** Bytes of the batches that wait. */
  get eventsBytes(): number {
    return this.#events.byteLength
  }

  /** Begins a section of `batch` for a shard of this lane; the caller writes and closes it. */
  open(shard: number, route: number, batch: RoutableBatch): SectionWriter {
    const { source, arrivalMs, inFlight, payload, audience } = batch
    if (this.#batches.at(-1)?.batch !== inFlight) {
      inFlight.expectLane()
      const start = this.#events.append(payload)
      this.#batches.push({ batch: inFlight, start, end: start + payload.length })
    }
    const { start } = this.#batches.at(-1)!
    const writer = this.#sections.writer(this.#placeOf.get(shard)!)
    writer.open(source, route, inFlight.position, arrivalMs, start, audience?.backfill ?? 0)
    return writer
  }

  /** Sends what waits if the lane can take it; never in the middle of a batch. */
  send(): void {
    if (this.#unanswered.length < laneBuffersMax) this.sendAll()
  }

  /** Sends what waits if it is enough and the lane can take it. */
  sendFull(): void {
    if (this.#events.byteLength >= laneEventsBytesMax) this.send()
  }

  /** Sends what waits, however much the lane still has to do. */
  sendAll(): void {
    if (this.#batches.length === 0) return
    const id = this.#nextId++
    const sections = this.#sections.close()
    const events = this.#events.buffer
    this.#unanswered.push({
      id,
      sections: this.#sections,
      events: this.#events,
      batches: this.#batches,
    })
    this.#batches = []
    this.#sections = this.#newSections()
    this.#events = this.#newEvents()
    const { routed, flushed } = this.#progress
    const recorded = this.#progress.recorded()
    this.#lane.post({ kind: 'apply', id, sections, events, routed, flushed, recorded })
  }

  #answered({ id, rejected }: Applied): void {
    const message = this.#unanswered.shift()
    assert(message?.id === id, 'a lane answers in order')
    this.#report(message, rejected)
    this.#keep(message)
    this.send()
    for (const { batch } of message.batches) batch.laneDone()
    this.#onAnswered()
  }

  /** Tells batches what a lane did not count of them. */
  #report({ batches, events }: Unanswered, rejected: Applied['rejected']): void {
    if (rejected.length === 0) return
    const byPosition = new Map(batches.map((sent) => [sent.batch.position, sent]))
    for (const { position, route, rejections, partly = [], duplicates } of rejected) {
      const sent = byPosition.get(position)
      assert(sent !== undefined, 'a lane rejects events of batches that it was sent')
      const { batch, start, end } = sent
      if (rejections.length + partly.length > 0) {
        batch.keep(new Uint8Array(events.buffer, start, end - start))
      }
      if (rejections.length > 0) batch.reject(route, rejections)
      if (partly.length > 0) batch.late(route, partly)
      if (duplicates !== undefined) batch.duplicate(duplicates)
    }
  }

  #newEvents(): EventsWriter {
    return this.#freeEvents.pop() ?? new EventsWriter(new SharedArrayBuffer(eventsBytesNew))
  }

  #newSections(): LaneSections {
    return this.#freeSections.pop() ?? new LaneSections(this.#lane.shards.length)
  }

  /** The answered buffers of a message are to be filled again. */
  #keep({ sections, events }: Unanswered): void {
    if (sections.byteLength <= freeSectionsBytesMax && this.#freeSections.length < freeMax) {
      sections.clear()
      this.#freeSections.push(sections)
    }
    if (events.buffer.byteLength <= freeEventsBytesMax && this.#freeEvents.length < freeMax) {
      events.clear()
      this.#freeEvents.push(events)
    }
  }
}
