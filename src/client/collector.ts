/**
 * Collects the events of many small calls into batches, one open batch per source.
 *
 * Events of a source keep their order; full batches come before open ones. A call is taken whole
 * or not at all: when one of its events cannot be encoded, those before it are taken back.
 */
import { MillraceError } from '../base/errors.ts'
import { FramePool } from './frame-pool.ts'
import type { EventLayout } from './layout.ts'
import { OpenBatch } from './open-batch.ts'
import type { EventCall } from './receipt.ts'

/** How large batches may become. */
export interface BatchLimits {
  readonly events: number
  /** Bytes of a frame beyond which no further event is added. */
  readonly bytes: number
  /** Bytes of a frame that holds a single event. */
  readonly frameBytesMax: number
}

/** A batch starts with room for so many bytes, until the source's last one says better. */
const capacityMin = 1024

export class Collector {
  #limits: BatchLimits
  readonly #pool: FramePool
  #full: OpenBatch[] = []
  /** By source, in the order of opening. */
  readonly #open = new Map<string, OpenBatch>()
  /** Bytes of the last batch of each source. */
  readonly #capacities = new Map<string, number>()
  #events = 0
  #fullBytes = 0
  #openBytes = 0

  /** @param pool  Where batches take their buffers from; who has sent them gives them back. */
  constructor(limits: BatchLimits, pool = new FramePool(0)) {
    this.#limits = limits
    this.#pool = pool
  }

  /** Events collected and not taken out yet. */
  get events(): number {
    return this.#events
  }

  get bytes(): number {
    return this.#fullBytes + this.#openBytes
  }

  get hasFull(): boolean {
    return this.#full.length > 0
  }

  /**
   * Encodes the events of a call.
   *
   * @param layout  Of the source's events, where it is known.
   * @throws {@link MillraceError} `EVENT_ENCODE`, `EVENT_TOO_LARGE`; nothing is collected then.
   */
  add(
    source: string,
    events: readonly unknown[],
    call: EventCall,
    layout: EventLayout | null = null,
  ): void {
    const open = this.#open.get(source)
    const mark = {
      byteLength: open?.byteLength ?? 0,
      count: open?.count ?? 0,
      segments: open?.segments.length ?? 0,
      full: this.#full.length,
    }
    try {
      let batch = open
      for (let i = 0; i < events.length; i++) {
        batch ??= this.#start(source, layout)
        const before = batch.byteLength
        batch.add(events[i], call, i, layout)
        if (this.#hasRoom(batch)) continue
        this.#bound(batch, before, call, i)
        batch = this.#open.get(source)
      }
      this.#events += events.length
      this.#openBytes += (this.#open.get(source)?.byteLength ?? 0) - mark.byteLength
    } catch (error) {
      for (const batch of this.#full.splice(mark.full)) this.#fullBytes -= batch.byteLength
      if (open === undefined) this.#open.delete(source)
      else {
        open.truncate(mark.byteLength, mark.count, mark.segments)
        this.#open.set(source, open)
      }
      throw error
    }
  }

  /** The batch to be sent next; open ones only when they are `due`. */
  next(due: boolean): OpenBatch | undefined {
    return this.#full[0] ?? (due ? this.#open.values().next().value : undefined)
  }

  /** Takes the batch out that `next` has shown. */
  take(batch: OpenBatch): void {
    if (this.#full[0] === batch) {
      this.#full.shift()
      this.#fullBytes -= batch.byteLength
    } else {
      this.#open.delete(batch.source)
      this.#openBytes -= batch.byteLength
    }
    this.#capacities.set(batch.source, batch.byteLength)
    this.#events -= batch.count
  }

  /** Ends every open batch: what is collected now comes before everything that follows. */
  close(): void {
    for (const batch of this.#open.values()) this.#finish(batch)
    this.#openBytes = 0
  }

  /** Applies the server's limits, to batches that are collected already too. */
  limit(limits: BatchLimits): void {
    this.#limits = limits
    const collected = this.#full
    this.#full = []
    this.#fullBytes = 0
    for (const batch of collected) {
      if (this.#fits(batch)) this.#pushFull(batch)
      else this.#cut(batch)
    }
    for (const batch of this.#open.values()) {
      if (this.#fits(batch)) continue
      this.#open.delete(batch.source)
      this.#openBytes -= batch.byteLength
      this.#cut(batch)
    }
  }

  /** Fails every call that has events here. */
  fail(error: MillraceError): void {
    for (const batch of [...this.#full, ...this.#open.values()]) {
      for (const { call, count } of batch.segments) {
        call.fail(error, { source: batch.source, count, firstSequence: -1, wasSent: false })
      }
    }
    this.#full = []
    this.#fullBytes = 0
    this.#openBytes = 0
    this.#open.clear()
    this.#events = 0
  }

  /** Whether a batch is within all limits, and takes a further event. */
  #hasRoom(batch: OpenBatch): boolean {
    const { events, bytes, frameBytesMax } = this.#limits
    const { byteLength } = batch
    return batch.count < events && byteLength < bytes && byteLength <= frameBytesMax
  }

  /** Keeps the limits after one more event, whose bytes start at `before`. */
  #bound(batch: OpenBatch, before: number, call: EventCall, index: number): void {
    const { events, bytes, frameBytesMax } = this.#limits
    let last = batch
    if (batch.byteLength > bytes && batch.count > 1) {
      const event = batch.pop(before)
      this.#finish(batch)
      last = this.#start(batch.source, null)
      last.append(event, call, index)
    }
    if (last.byteLength > frameBytesMax) {
      throw new MillraceError('EVENT_TOO_LARGE', { size: last.byteLength, max: frameBytesMax })
    }
    if (last.count >= events || last.byteLength >= bytes) this.#finish(last)
  }

  #start(source: string, layout: EventLayout | null): OpenBatch {
    const bytes = this.#capacities.get(source) ?? capacityMin
    // An eighth more than the last one took, so that hardly any batch must be moved to grow.
    const capacity = bytes + (bytes >>> 3) + (layout?.bytesMax ?? 0)
    const batch = new OpenBatch(source, capacity, this.#pool)
    this.#open.set(source, batch)
    return batch
  }

  #finish(batch: OpenBatch): void {
    this.#capacities.set(batch.source, batch.byteLength)
    this.#open.delete(batch.source)
    this.#pushFull(batch)
  }

  #pushFull(batch: OpenBatch): void {
    this.#full.push(batch)
    this.#fullBytes += batch.byteLength
  }

  #fits(batch: OpenBatch): boolean {
    const { events, bytes } = this.#limits
    return batch.count <= events && (batch.byteLength <= bytes || batch.count === 1)
  }

  /** Deals the events of a batch into full batches within the limits, in its place. */
  #cut(batch: OpenBatch): void {
    let piece = new OpenBatch(batch.source, capacityMin, this.#pool)
    for (const { event, call, index } of batch.dismantle()) {
      const { events, bytes } = this.#limits
      if (piece.count >= events || (piece.count > 0 && piece.byteLength + event.length > bytes)) {
        this.#pushFull(piece)
        piece = new OpenBatch(batch.source, capacityMin, this.#pool)
      }
      piece.append(event, call, index)
    }
    this.#pushFull(piece)
  }
}
