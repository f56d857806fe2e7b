/**
 * A lane that shares its thread with those who send to it.
 */
import { MessageChannel } from 'node:worker_threads'
import type { Catalog } from '../../src/model/catalog.ts'
import type {
  FromShard,
  KeySearch,
  LaneStart,
  ReadQuery,
  ReadResult,
  ShardOpened,
  ToShard,
} from '../../src/model/message.ts'
import { Pulse } from '../../src/model/pulse.ts'
import { LaneReads } from '../../src/route/lane-reads.ts'
import { LaneSearches } from '../../src/route/lane-searches.ts'
import type { Lane } from '../../src/route/lanes.ts'
import { runLane } from '../../src/shard/lane.ts'

export class LocalLane implements Lane {
  readonly lane = 0
  readonly shards: readonly number[]
  readonly pulse: Pulse
  readonly isLive = true
  readonly opened: Promise<readonly ShardOpened[]>
  readonly #port
  readonly #ended: Promise<void>
  readonly #reads = new LaneReads(this.lane, (message) => this.post(message))
  readonly #searches = new LaneSearches(this.lane, (message) => this.post(message))
  readonly #listeners: ((message: FromShard) => void)[] = []
  #resolveOpened!: (shards: readonly ShardOpened[]) => void

  constructor(start: Omit<LaneStart, 'lane'>, catalog: Catalog) {
    this.shards = start.shards
    this.pulse = new Pulse(start.pulse)
    this.opened = new Promise((resolve) => {
      this.#resolveOpened = resolve
    })
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    port1.on('message', (message: FromShard) => this.#receive(message))
    this.#ended = runLane({ ...start, lane: this.lane }, catalog, port2)
  }

  post(message: ToShard): void {
    this.#port.postMessage(message)
  }

  onMessage(listener: (message: FromShard) => void): void {
    this.#listeners.push(listener)
  }

  /** It lives as long as those who send to it. */
  onDeath(): void {}

  read(queries: readonly ReadQuery[]): Promise<readonly ReadResult[]> {
    return this.#reads.read(queries)
  }

  find(search: KeySearch): Promise<readonly Uint8Array[]> {
    return this.#searches.find(search)
  }

  /** Resolves with the next checkpoint of a shard. */
  stored(shard: number): Promise<void> {
    return new Promise((resolve) => {
      this.#listeners.push((message) => {
        if (message.kind === 'checkpointed' && message.shard === shard) resolve()
      })
    })
  }

  /** Resolves when what it had begun to store is stored, and its stores are closed. */
  async close(): Promise<void> {
    this.post({ kind: 'close' })
    await this.#ended
    this.#port.close()
  }

  #receive(message: FromShard): void {
    if (message.kind === 'opened') this.#resolveOpened(message.shards)
    else if (message.kind === 'read') this.#reads.answered(message.id, message.answers)
    else if (message.kind === 'found') this.#searches.answered(message)
    else for (const listener of this.#listeners) listener(message)
  }
}
