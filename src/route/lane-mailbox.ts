/**
 * What is on its way to one lane: buffers that fill, and messages that are not answered yet.
 *
 * Sections of batches are written into one buffer per shard. A message carries all buffers of the
 * lane that hold something, so a lane sees its batches in journal order, each whole. At most
 * `laneBuffersMax` messages are unanswered; beyond, the buffers wait and grow, and messages become
 * fewer and larger exactly when the lane is busy. The memory is bounded by the intake, which
 * counts what was copied for each batch. Answered buffers are filled again.
 *
 * Thread: main.
 */
import { assert } from '../base/assert.ts'
import { laneBuffersMax, shardBufferBytesMax } from '../base/limits.ts'
import type { BatchInFlight } from '../model/contracts.ts'
import type { FromShard, Recorded, ShardBuffer, ToShard } from '../model/message.ts'
import { SectionWriter } from '../model/section.ts'

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

interface Unanswered {
  readonly id: number
  readonly shards: readonly ShardBuffer[]
  readonly batches: readonly BatchInFlight[]
}

/** Bytes of a new buffer; it grows as needed. */
const newBufferBytes = 16 * 1024

/** Answered buffers that are kept, per shard; larger ones than a full buffer needs are not. */
const freeBuffersPerShard = 2
const freeBufferBytesMax = 4 * shardBufferBytesMax

export class LaneMailbox {
  readonly #lane: RouterLane
  readonly #progress: Readonly<Progress>
  readonly #onAnswered: () => void
  /** By shard: the buffer that is being filled. */
  readonly #writers = new Map<number, SectionWriter>()
  #batches: BatchInFlight[] = []
  readonly #unanswered: Unanswered[] = []
  readonly #free: SharedArrayBuffer[] = []
  #nextId = 0

  constructor(lane: RouterLane, progress: Readonly<Progress>, onAnswered: () => void) {
    this.#lane = lane
    this.#progress = progress
    this.#onAnswered = onAnswered
    lane.onMessage((message) => {
      if (message.kind === 'applied') this.#answered(message)
    })
  }

  /** Nothing waits here, and every message is answered. */
  get isIdle(): boolean {
    return this.#batches.length === 0 && this.#unanswered.length === 0
  }

  /** The buffer of a shard of this lane, to write a section of `batch` into. */
  writer(shard: number, batch: BatchInFlight): SectionWriter {
    if (this.#batches.at(-1) !== batch) {
      batch.expectLane()
      this.#batches.push(batch)
    }
    let writer = this.#writers.get(shard)
    if (writer === undefined) {
      writer = new SectionWriter(this.#free.pop() ?? new SharedArrayBuffer(newBufferBytes))
      this.#writers.set(shard, writer)
    }
    return writer
  }

  /** Sends what waits if the lane can take it; never in the middle of a batch. */
  send(): void {
    if (this.#unanswered.length < laneBuffersMax) this.sendAll()
  }

  /** Sends what waits if one of its buffers is full and the lane can take it. */
  sendFull(): void {
    for (const writer of this.#writers.values()) {
      if (writer.byteLength < shardBufferBytesMax) continue
      this.send()
      return
    }
  }

  /** Sends what waits, however much the lane still has to do. */
  sendAll(): void {
    if (this.#batches.length === 0) return
    const shards: ShardBuffer[] = []
    for (const [shard, writer] of this.#writers) shards.push({ shard, ...writer.take() })
    const id = this.#nextId++
    this.#unanswered.push({ id, shards, batches: this.#batches })
    this.#batches = []
    this.#writers.clear()
    const { routed, flushed } = this.#progress
    const recorded = this.#progress.recorded()
    this.#lane.post({ kind: 'apply', id, shards, routed, flushed, recorded })
  }

  #answered({ id, rejected }: Applied): void {
    const message = this.#unanswered.shift()
    assert(message?.id === id, 'a lane answers in order')
    this.#keep(message.shards)
    this.send()
    const { batches } = message
    if (rejected.length > 0) {
      const byPosition = new Map(batches.map((batch) => [batch.position, batch]))
      for (const { position, route, rejections, partly, duplicates } of rejected) {
        const batch = byPosition.get(position)
        assert(batch !== undefined, 'a lane rejects events of batches that it was sent')
        if (rejections.length > 0) batch.reject(route, rejections)
        if (partly !== undefined) batch.late(route, partly)
        if (duplicates !== undefined) batch.duplicate(duplicates)
      }
    }
    for (const batch of batches) batch.laneDone()
    this.#onAnswered()
  }

  #keep(answered: readonly ShardBuffer[]): void {
    const freeMax = freeBuffersPerShard * this.#lane.shards.length
    for (const { buffer } of answered) {
      if (this.#free.length === freeMax) return
      if (buffer.byteLength <= freeBufferBytesMax) this.#free.push(buffer)
    }
  }
}
