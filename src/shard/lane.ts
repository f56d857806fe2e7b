/**
 * A lane: one thread with the shards it owns, and the port on which it is told what to do.
 *
 * Messages are handled one at a time in the order in which they came, so a read sees every batch
 * posted before it. Only `flushed` overtakes, because a checkpoint in progress waits for it. State
 * in memory is bounded: over the bound keys are evicted, and when too much of it has not been
 * stored yet, the lane makes a checkpoint of its own accord, and batches wait for it.
 */
import type { MessagePort } from 'node:worker_threads'
import { reasonOf } from '../base/errors.ts'
import { dirtyKeysMax } from '../base/limits.ts'
import type { Catalog } from '../model/catalog.ts'
import type {
  BatchRejections,
  FromShard,
  LaneStart,
  LaneStats,
  ShardBuffer,
  ToShard,
} from '../model/message.ts'
import { createRouteValidator } from '../validate/route-validator.ts'
import { Shard } from './shard.ts'

/** Evicting goes on to this share of the bound, so that it is not due again at once. */
const evictTo = 0.9

/** Beyond this share of the bound, batches wait for a checkpoint. */
const waitAt = 1.15

type Queued = Exclude<ToShard, { kind: 'flushed' }>
type Post = (message: FromShard, transfer?: readonly ArrayBuffer[]) => void

/**
 * Opens the shards of a lane and serves its port until it is told to close.
 *
 * Never rejects: what goes wrong is posted as `failed`, and the lane stops answering.
 */
export async function runLane(
  start: LaneStart,
  catalog: Catalog,
  port: MessagePort,
): Promise<void> {
  const post: Post = (message, transfer = []) => port.postMessage(message, transfer)
  try {
    const lane = new Lane(start, catalog, post)
    await lane.serve(port)
  } catch (thrown) {
    post({ kind: 'failed', reason: reasonOf(thrown) })
  }
}

class Lane {
  readonly #shards = new Map<number, Shard>()
  readonly #stateBytesMax: number
  readonly #post: Post
  readonly #mailbox: Queued[] = []
  #wake: () => void = () => {}
  #flushed = 0
  #flushWaiters: { position: number; resolve: () => void }[] = []
  #checkpoint: Promise<void> | null = null
  /** Every batch up to here has been applied. */
  #applied = 0
  #arrivalMs = 0

  constructor(start: LaneStart, catalog: Catalog, post: Post) {
    this.#post = post
    this.#stateBytesMax = start.stateBytesMax
    const validators = catalog.routes.map((route) => createRouteValidator(catalog, route))
    const { viewIds, storePath } = start
    for (const index of start.shards) {
      this.#shards.set(index, new Shard({ index, catalog, validators, viewIds, storePath }))
    }
  }

  async serve(port: MessagePort): Promise<void> {
    port.on('message', (message: ToShard) => this.#receive(message))
    this.#post({ kind: 'opened', shards: this.#all.map((shard) => shard.opened) })
    for (;;) {
      const message = this.#mailbox.shift()
      if (message === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        continue
      }
      if (message.kind === 'close') break
      await this.#handle(message)
    }
    await this.#checkpoint
    for (const shard of this.#all) await shard.close()
    this.#post({ kind: 'closed' })
    port.close()
  }

  get #all(): readonly Shard[] {
    return [...this.#shards.values()]
  }

  #receive(message: ToShard): void {
    if (message.kind === 'flushed' || message.kind === 'apply') this.#flushedTo(message.flushed)
    if (message.kind === 'flushed') return
    this.#mailbox.push(message)
    this.#wake()
  }

  async #handle(message: Exclude<Queued, { kind: 'close' }>): Promise<void> {
    switch (message.kind) {
      case 'apply':
        if (this.#bytes > this.#stateBytesMax * waitAt) await this.#relieve()
        this.#apply(message.id, message.shards)
        this.#applied = message.routed
        this.#bound()
        return
      case 'read': {
        const results = message.queries.map((query) => this.#shards.get(query.shard)!.read(query))
        this.#post({ kind: 'read', id: message.id, results })
        this.#bound()
        return
      }
      case 'checkpoint':
        // One at a time; the next waits here, and the mailbox with it.
        await this.#checkpoint
        this.#applied = message.routed
        this.#arrivalMs = message.arrivalMs
        this.#beginCheckpoint()
        return
    }
  }

  #apply(id: number, buffers: readonly ShardBuffer[]): void {
    const rejected: BatchRejections[] = []
    for (const { shard, buffer, byteLength } of buffers) {
      this.#shards.get(shard)!.apply(buffer, byteLength, rejected)
    }
    const spent = buffers.map(({ buffer }) => buffer)
    const watermarks = this.#watermarks()
    this.#post({ kind: 'applied', id, rejected, watermarks, buffers: spent }, spent)
  }

  #beginCheckpoint(): void {
    const position = this.#applied
    const flushed = this.#whenFlushed(position)
    // Captures of all shards begin now, between two batches.
    this.#checkpoint = Promise.all(
      this.#all.map(async (shard) => {
        const keys = await shard.checkpoint(position, this.#arrivalMs, flushed)
        const stats = this.#stats()
        this.#post({ kind: 'checkpointed', shard: shard.index, position, keys, stats })
      }),
    )
      .then(
        () => {
          this.#checkpoint = null
          this.#bound()
        },
        (thrown: unknown) => this.#post({ kind: 'failed', reason: reasonOf(thrown) }),
      )
      .then(() => this.#wake())
  }

  /** Keeps state within its bound, as far as it is stored; else begins to store it. */
  #bound(): void {
    if (this.#checkpoint !== null) return
    if (this.#bytes > this.#stateBytesMax) {
      const bytesMax = (this.#stateBytesMax * evictTo) / this.#shards.size
      for (const shard of this.#all) shard.evict(bytesMax)
    }
    const dirty = this.#all.reduce((sum, shard) => sum + shard.dirtyKeys, 0)
    if (this.#bytes > this.#stateBytesMax || dirty > dirtyKeysMax) this.#beginCheckpoint()
  }

  /** Waits until what was over the bound has been stored and evicted. */
  async #relieve(): Promise<void> {
    await this.#checkpoint
    this.#bound()
    await this.#checkpoint
  }

  #flushedTo(flushed: number): void {
    this.#flushed = Math.max(this.#flushed, flushed)
    const due = this.#flushWaiters.filter(({ position }) => position <= this.#flushed)
    this.#flushWaiters = this.#flushWaiters.filter(({ position }) => position > this.#flushed)
    for (const { resolve } of due) resolve()
  }

  #whenFlushed(position: number): Promise<void> {
    if (position <= this.#flushed) return Promise.resolve()
    this.#post({ kind: 'awaiting', position })
    return new Promise((resolve) => {
      this.#flushWaiters.push({ position, resolve })
    })
  }

  /** The greatest watermark of each view over the shards. */
  #watermarks(): Float64Array {
    const [first, ...rest] = this.#all.map((shard) => shard.watermarks())
    for (const other of rest) {
      for (let i = 0; i < other.length; i += 2) {
        const isAhead =
          other[i]! > first![i]! || (other[i] === first![i] && other[i + 1]! > first![i + 1]!)
        if (!isAhead) continue
        first![i] = other[i]!
        first![i + 1] = other[i + 1]!
      }
    }
    return first!
  }

  get #bytes(): number {
    return this.#all.reduce((sum, shard) => sum + shard.bytes, 0)
  }

  #stats(): LaneStats {
    const sum = (of: (shard: Shard) => number): number =>
      this.#all.reduce((total, shard) => total + of(shard), 0)
    return {
      keys: sum((shard) => shard.keys),
      stateBytes: this.#bytes,
      evicted: sum((shard) => shard.evicted),
      loaded: sum((shard) => shard.loaded),
    }
  }
}
