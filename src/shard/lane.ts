/**
 * A lane: one thread with the shards it owns, and the port on which it is told what to do.
 *
 * Messages are handled one at a time in the order in which they came. Two overtake: `flushed`,
 * because a checkpoint in progress waits for it, and reads, because who asks waits for the answer:
 * they are looked for between any two steps of applying, so that none waits for more than a step.
 * A read sees whole batches of a shard, and all that this lane has answered by `applied`; a batch
 * is acknowledged when every lane has. State in memory is bounded: near the bound keys are evicted,
 * and when too much of it is not stored, the lane makes a checkpoint of its own accord; at the
 * bound, batches wait for it. Shards take their turns at a checkpoint, so that what one needs for
 * it is needed once.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { dirtyKeysMax, watchMs } from '../base/limits.ts'
import type { Catalog } from '../model/catalog.ts'
import type { BatchRejections, FromShard, LaneStart, LaneStats, ToShard } from '../model/message.ts'
import { Pulse, type EventInHand } from '../model/pulse.ts'
import { lanePart } from '../model/lane-sections.ts'
import { countQueries } from '../model/read-packing.ts'
import { sectionBuffers } from '../model/section.ts'
import { createWatermarks } from '../model/watermarks.ts'
import { answerReads } from './answer.ts'
import { Checker, countEvents } from './check.ts'
import { Flushes } from './flushes.ts'
import { checkpointFailed, failedBy } from './lane-failure.ts'
import { searchShards } from './search.ts'
import { Shard } from './shard.ts'
import { sumOf } from './sum.ts'
import { createValidators } from './validators.ts'
import { addedViews } from './view-stats.ts'

/** Shares of the bound: beyond the first, keys are evicted down to the second. */
const evictAt = 0.9
const evictTo = 0.8

/** Events applied between two looks at how much is in memory, and at what has come. */
const eventsPerStep = 512

/** The same in bytes of sections, whose events are of many shards: roughly so many events. */
const bytesPerStep = eventsPerStep * 32

/** Events applied before more reads are taken, for each question answered between two steps. */
const eventsPerQuestion = 2

/** Share of the bound that may have changed before it is stored. */
const storeAt = 0.5

type Queued = Exclude<ToShard, { kind: 'flushed' | 'read' | 'check' | 'find' }>
type Reading = Extract<ToShard, { kind: 'read' }>

/**
 * Opens the shards of a lane and serves its port until it is told to close.
 *
 * What goes wrong is posted as `failed`, too; the lane answers nothing any more.
 */
export async function runLane(
  start: LaneStart,
  catalog: Catalog,
  port: MessagePort,
): Promise<void> {
  const post = (message: FromShard): void => port.postMessage(message)
  let lane: Lane | null = null
  try {
    lane = await Lane.open(start, catalog, port)
    await lane.serve()
  } catch (thrown) {
    await lane?.letGo().catch(() => undefined)
    // As a message, as the end of the task, and then silence: whoever waits for either is told.
    post(failedBy(thrown))
    post({ kind: 'closed' })
    port.close()
    throw thrown
  }
}

class Lane {
  readonly #shards: ReadonlyMap<number, Shard>
  readonly #all: readonly Shard[]
  readonly #checker: Checker
  readonly #stateBytesMax: number
  readonly #pulse: Pulse
  readonly #port: MessagePort
  readonly #mailbox: Queued[] = []
  #wake: () => void = () => {}
  readonly #flushes = new Flushes((position) => this.#post({ kind: 'awaiting', position }))
  /** Shards that were asked for a checkpoint and have not begun it, the first asked first. */
  readonly #due = new Set<Shard>()
  /** Checkpoints are being made, one shard after the other. */
  #storing: Promise<void> | null = null
  /** Called when one more shard has been stored, or nothing more will be. */
  #onStored: () => void = () => {}
  /** It was told to close, or has failed: no checkpoint begins or waits any more. */
  #isEnding = false
  #arrivalMs = 0
  readonly #watermarks: Float64Array
  /** Bytes of sections applied since the last look, and whether memory was short then. */
  #bytesSinceLook = 0
  #wasFull = false
  /** Events to be applied before reads are looked for again. */
  #eventsOwed = 0
  /** What a read has broken, which ends the lane. */
  #broken: { readonly thrown: unknown } | null = null

  static async open(start: LaneStart, catalog: Catalog, port: MessagePort): Promise<Lane> {
    const common = { ...start, catalog, ...createValidators(catalog) }
    const shards = new Map<number, Shard>()
    for (const index of start.shards) {
      shards.set(index, await Shard.open({ ...common, index }))
    }
    const checker = new Checker(catalog, common.validators, start)
    return new Lane(start, shards, checker, createWatermarks(catalog.views.length), port)
  }

  private constructor(
    start: LaneStart,
    shards: ReadonlyMap<number, Shard>,
    checker: Checker,
    watermarks: Float64Array,
    port: MessagePort,
  ) {
    this.#watermarks = watermarks
    this.#port = port
    this.#checker = checker
    this.#shards = shards
    this.#all = [...shards.values()]
    this.#stateBytesMax = start.stateBytesMax
    this.#pulse = new Pulse(start.pulse)
  }

  async serve(): Promise<void> {
    const beating = setInterval(() => this.#pulse.beat(), watchMs)
    try {
      await this.#serve()
    } finally {
      clearInterval(beating)
    }
  }

  async #serve(): Promise<void> {
    this.#port.on('message', (message: ToShard) => {
      try {
        this.#receive(message)
      } catch (thrown) {
        this.#broken ??= { thrown }
        this.#wake()
      }
    })
    this.#post({ kind: 'opened', shards: this.#all.map((shard) => shard.opened) })
    for (;;) {
      if (this.#broken !== null) throw this.#broken.thrown
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
    await this.letGo()
    this.#post({ kind: 'closed' })
    this.#port.close()
  }

  /** Closes the stores, when what is being stored is; nothing that was half applied is. */
  async letGo(): Promise<void> {
    this.#end()
    await this.#storing
    for (const shard of this.#all) await shard.close()
  }

  #post(message: FromShard): void {
    this.#port.postMessage(message)
  }

  #receive(message: ToShard): void {
    if (message.kind === 'flushed' || message.kind === 'apply')
      this.#flushes.flushedTo(message.flushed)
    if (message.kind === 'checkpoint' || message.kind === 'apply') {
      for (const shard of this.#all) shard.recordedTo(message.recorded)
    }
    if (message.kind === 'flushed') return
    if (message.kind === 'read') {
      this.#answer(message)
      return
    }
    if (message.kind === 'check') {
      this.#post(this.#pulse.checking(message.id, () => this.#checker.check(message)))
      return
    }
    if (message.kind === 'find') {
      this.#post(searchShards(this.#all, message))
      return
    }
    if (message.kind === 'close') this.#end()
    this.#mailbox.push(message)
    this.#wake()
  }

  async #handle(message: Exclude<Queued, { kind: 'close' }>): Promise<void> {
    switch (message.kind) {
      case 'apply':
        await this.#apply(message)
        return
      case 'checkpoint':
        this.#appliedTo(message.routed)
        this.#arrivalMs = message.arrivalMs
        for (const shard of this.#all) {
          if (message.shard === null || message.shard === shard.index) this.#due.add(shard)
        }
        this.#beginStoring()
        return
      case 'histories':
        for (const shard of this.#all) shard.setHistories(message.histories)
        return
    }
  }

  #answer({ id, queries }: Reading): void {
    this.#post({ kind: 'read', id, answers: answerReads(this.#shards, queries) })
    // Keys that were in the store only are in memory now.
    this.#bound()
  }

  /** Applies one buffer after the other, and looks up from it now and then. */
  async #apply(message: Extract<ToShard, { kind: 'apply' }>): Promise<void> {
    const { id, sections, events, routed, isCareful = false } = message
    const onEvent = isCareful ? (event: EventInHand) => this.#pulse.take(event) : null
    const how = { eventsMax: eventsPerStep, onEvent }
    const rejected: BatchRejections[] = []
    const buffers = sectionBuffers(sections, events)
    for (let place = 0; place < this.#all.length; place++) {
      const shard = this.#all[place]!
      const { start, end } = lanePart(buffers.words, place)
      for (let at = start; at < end;) {
        if (this.#bytesSinceLook >= bytesPerStep) this.#look()
        if (this.#wasFull && this.#isOver(shard)) await this.#relieve(shard)
        const next = shard.apply(buffers, { start: at, end }, rejected, how)
        if (isCareful) this.#pulse.putDown()
        this.#bytesSinceLook += next - at
        at = next
      }
      // Before a checkpoint may begin: it takes this for the position of the state.
      shard.applied = routed
    }
    this.#appliedTo(routed)
    this.#bound()
    for (const shard of this.#all) shard.advance(this.#watermarks)
    this.#post({ kind: 'applied', id, rejected, watermarks: this.#watermarks })
  }

  /** Between two sections: what is in memory may have to go, and what has come may not wait. */
  #look(): void {
    this.#bytesSinceLook = 0
    this.#bound()
    this.#wasFull = this.#isFull
    this.#pulse.beat()
    this.#receiveMore()
  }

  /**
   * Takes what has come since: an event loop would hand it over when all is applied. Reads that
   * were answered so are made up for in events first, or a storm of them would end all applying.
   */
  #receiveMore(): void {
    this.#eventsOwed = Math.max(0, this.#eventsOwed - eventsPerStep)
    while (this.#eventsOwed === 0) {
      const received = receiveMessageOnPort(this.#port) as { message: ToShard } | undefined
      if (received === undefined) return
      const { message } = received
      if (message.kind === 'read') {
        this.#eventsOwed = eventsPerQuestion * countQueries(message.queries)
      } else if (message.kind === 'check') this.#eventsOwed = countEvents(message)
      else if (message.kind === 'find') this.#eventsOwed = eventsPerStep
      this.#receive(message)
    }
  }

  /** Every batch up to `routed` has been applied. */
  #appliedTo(routed: number): void {
    for (const shard of this.#all) shard.applied = routed
  }

  /** Begins to make the checkpoints that are due, unless it is under way. */
  #beginStoring(): void {
    if (this.#isEnding) return
    this.#storing ??= this.#storeDue().then(
      () => {
        this.#storing = null
        this.#onStored()
      },
      (thrown: unknown) => {
        this.#storing = null
        this.#end()
        this.#post(failedBy(thrown))
      },
    )
  }

  /** Each shard is stored as it is when its turn comes, between two batches. */
  async #storeDue(): Promise<void> {
    for (let turn = 0; ; turn++) {
      const shard = this.#isEnding ? null : this.#nextDue(turn)
      if (shard === null) return
      this.#due.delete(shard)
      const flushed = this.#flushes.when(shard.applied)
      const stored = shard.checkpoint(this.#arrivalMs, flushed)
      const written = await this.#pulse.whileStoring(stored).catch(checkpointFailed(shard.index))
      if (written === null) return
      const stats = this.#stats()
      this.#post({ kind: 'checkpointed', shard: shard.index, ...written, stats })
      if (this.#isFull) this.#evict(shard)
      this.#onStored()
    }
  }

  /** When memory is short, every other turn is of the shard that holds most of it back. */
  #nextDue(turn: number): Shard | null {
    const [first] = this.#due
    if (!this.#isPressed || (turn % 2 === 1 && first !== undefined)) return first ?? null
    const [most] = this.#all.toSorted((a, b) => b.dirtyCount - a.dirtyCount)
    return most !== undefined && most.dirtyCount > 0 ? most : (first ?? null)
  }

  /** No checkpoint begins any more, and one that waits for the journal is given up. */
  #end(): void {
    this.#isEnding = true
    this.#flushes.giveUp()
    this.#onStored()
  }

  /** Keeps state within its bound, as far as it is stored; else begins to store it. */
  #bound(): void {
    if (this.#isFull) {
      for (const shard of this.#all) if (shard.isEvictable) this.#evict(shard)
    }
    if (this.#storing === null && this.#isPressed) this.#beginStoring()
  }

  get #isFull(): boolean {
    return this.#bytes > this.#stateBytesMax * evictAt
  }

  /**
   * Whether a shard may not grow now: memory is short, and it has its part of it. Each shard's
   * arrays keep the size of the most that it ever held.
   */
  #isOver(shard: Shard): boolean {
    return this.#isFull && shard.bytes > this.#stateBytesMax / this.#all.length
  }

  /** Whether there is more to be stored than memory, or a restart, should have to bear. */
  get #isPressed(): boolean {
    const dirty = sumOf(this.#all, dirtyCountOf)
    if (dirty === 0) return false
    const isMuch =
      dirty > dirtyKeysMax || sumOf(this.#all, dirtyBytesOf) > this.#stateBytesMax * storeAt
    return isMuch || this.#isFull
  }

  #evict(shard: Shard): void {
    shard.evict((this.#stateBytesMax * evictTo) / this.#all.length)
  }

  /** Waits until enough of what stands in the way of more has been stored and evicted. */
  async #relieve(shard: Shard): Promise<void> {
    for (;;) {
      this.#bound()
      if (this.#storing === null || !this.#isOver(shard)) return
      await new Promise<void>((resolve) => {
        this.#onStored = resolve
      })
    }
  }

  get #bytes(): number {
    return sumOf(this.#all, bytesOf)
  }

  #stats(): LaneStats {
    return {
      keys: sumOf(this.#all, ({ keys }) => keys),
      stateBytes: this.#bytes,
      evicted: sumOf(this.#all, ({ evicted }) => evicted),
      loaded: sumOf(this.#all, ({ loaded }) => loaded),
      views: addedViews(this.#all.map(({ views }) => views)),
    }
  }
}

const bytesOf = ({ bytes }: Shard): number => bytes
const dirtyCountOf = ({ dirtyCount }: Shard): number => dirtyCount
const dirtyBytesOf = ({ dirtyBytes }: Shard): number => dirtyBytes
