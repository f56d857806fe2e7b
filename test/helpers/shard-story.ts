/**
 * One shard, driven step by step, beside a plain list of what it has accepted.
 */
import assert from 'node:assert/strict'
import { hashBytes } from '../../src/base/hash.ts'
import { expiredKeptMs, futureMsMax } from '../../src/base/limits.ts'
import type { Catalog, LeadingEdge, View } from '../../src/model/catalog.ts'
import { encodeKey } from '../../src/model/key.ts'
import type { BatchRejections, ReadResult } from '../../src/model/message.ts'
import { createEncoder, MsgpackTimestamp } from '../../src/model/msgpack.ts'
import { sawtoothTileMs } from '../../src/model/tiles.ts'
import { Shard } from '../../src/shard/shard.ts'
import { createValidators } from '../../src/shard/validators.ts'
import { KeyRecount } from './key-recount.ts'
import { oracle, type OracleEvent } from './oracle.ts'
import { catalogOf, rowsOf, startMs, type RawEvent, type StoryView } from './story-view.ts'
import { buffersOf, partOf, Sections } from './sections.ts'

export type Step =
  | {
      readonly kind: 'batch'
      readonly events: readonly RawEvent[]
      readonly advanceMs: number
      /** Between the arrivals of the batches that a few of the events make each. */
      readonly betweenMs: number
    }
  | { readonly kind: 'read'; readonly aheadMs: number }
  | { readonly kind: 'checkpoint' | 'begin' | 'turn' | 'evict' | 'crash' | 'power loss' }

const seed = { k0: 1, k1: 2 }
const encoder = createEncoder()

/** A batch as the journal has it. */
interface Batch {
  readonly position: number
  readonly arrivalMs: number
  readonly events: readonly { readonly key: Uint8Array; readonly bytes: Uint8Array }[]
}

/** With what of it was accepted, and what was said of the rest. */
interface Journalled extends Batch {
  readonly accepted: readonly OracleEvent[]
  readonly told: readonly BatchRejections[]
}

/** Events of a step that make a batch. */
const batchEvents = 4

/** A replay hands on other sections together than were when they came. */
const replayedEvents = 7

/** A checkpoint that waits for the journal while the story goes on. */
interface Begun {
  readonly position: number
  readonly flushed: (isFlushed: boolean) => void
  readonly done: Promise<unknown>
}

export class ShardStory {
  readonly #dir: string
  readonly #story: StoryView
  readonly #catalog: Catalog
  readonly #view: View
  #shard: Shard
  /** What was sent, in order: what a replay sends again. */
  #journal: Journalled[] = []
  #begun: Begun | null = null
  /** What the store covers: a power loss takes nothing before it. */
  #covered = 0
  #nowMs = startMs
  /** Times that sections were applied. */
  #applied = 0
  #position = 0

  static async open(dir: string, view: StoryView): Promise<ShardStory> {
    const catalog = catalogOf(view)
    return new ShardStory(dir, view, catalog, await openShard(dir, catalog))
  }

  private constructor(dir: string, story: StoryView, catalog: Catalog, shard: Shard) {
    this.#dir = dir
    this.#story = story
    this.#catalog = catalog
    this.#view = catalog.views[0]!
    this.#shard = shard
  }

  async play(step: Step): Promise<void> {
    switch (step.kind) {
      case 'batch':
        this.#nowMs += step.advanceMs
        this.#send(step.events, step.betweenMs)
        return
      case 'read':
        this.#nowMs += step.aheadMs
        this.check()
        return
      case 'begin':
        await this.#finish(true)
        this.#begin()
        return
      case 'checkpoint':
        if (this.#begun === null) this.#begin()
        await this.#finish(true)
        return
      case 'turn':
        await nextTurn()
        return
      case 'evict':
        this.#shard.evict(0)
        return
      case 'crash':
        await this.#restart()
        return
      case 'power loss':
        // What was not flushed is gone; its producers never heard that it was taken.
        await this.#finish(false)
        this.#journal = this.#journal.filter(({ position }) => position <= this.#covered)
        await this.#restart()
        return
    }
  }

  #begin(): void {
    let flushed: (isFlushed: boolean) => void = () => {}
    const ready = new Promise<boolean>((resolve) => {
      flushed = resolve
    })
    this.#shard.applied = this.#position
    const done = this.#shard.checkpoint(this.#nowMs, ready)
    this.#begun = { position: this.#position, flushed, done }
  }

  /** Ends the checkpoint in progress: it is done, or given up as when the process ends. */
  async #finish(isFlushed: boolean): Promise<void> {
    if (this.#begun === null) return
    const { position, flushed, done } = this.#begun
    this.#begun = null
    flushed(isFlushed)
    await done
    if (isFlushed) this.#covered = position
  }

  async #restart(): Promise<void> {
    await this.#finish(false)
    await this.#shard.close()
    this.#shard = await openShard(this.#dir, this.#catalog)
    const { position } = this.#shard.opened
    const told = this.#apply(this.#journal, replayedEvents)
    for (const batch of this.#journal) {
      if (batch.position <= position) continue
      assert.deepEqual(codesOf(told, batch.position), codesOf(batch.told, batch.position))
    }
  }

  get #accepted(): readonly OracleEvent[] {
    return this.#journal.flatMap(({ accepted }) => accepted)
  }

  /** Every key's values, by key. */
  values(): Record<string, readonly unknown[]> {
    return Object.fromEntries(
      ['a', 'b', 'c'].map((id) => [id, this.#read(id, this.#view.leadingEdge).values]),
    )
  }

  /** Compares every key with the oracle, at the view's leading edge and at the other. */
  check(): void {
    this.#checkAt(this.#view.leadingEdge)
    this.#checkAt(this.#view.leadingEdge === 'wall-clock' ? 'latest-event' : 'wall-clock')
  }

  #checkAt(leadingEdge: LeadingEdge): void {
    const all = this.#accepted
    const counts = this.#view.features.map((feature) =>
      feature.kind === 'attribute'
        ? { ...feature, column: 'at' }
        : { kind: 'aggregate', column: 'at', fn: { name: 'count' }, window: feature.window },
    )
    for (const id of ['a', 'b', 'c', 'never']) {
      const edgeNs = this.#edgeNsOf(id, leadingEdge)
      const { values, hasEvents, entity } = this.#read(id, leadingEdge)
      const read = (view: Parameters<typeof oracle>[1]) =>
        oracle(all, view, id, edgeNs, sawtoothTileMs)
      assert.deepEqual(values, read(this.#view), `values of ${id}`)
      const some = [...values.keys()].filter((place) => place % 3 !== 1).toReversed()
      const picked = some.map((place) => values[place])
      assert.deepEqual(this.#read(id, leadingEdge, some).values, picked, `some values of ${id}`)
      const columns = this.#catalog.sources[0]!.fields
      const inWindow = read({
        ...this.#view,
        secondaryKey: null,
        columns,
        features: counts as never,
      })
      assert.deepEqual(hasEvents, inWindow.map(isCounted), `events of ${id}`)
      const seen = all.filter(({ key, timeNs }) => key === id && timeNs <= edgeNs)
      const isSeen = seen.length > 0
      // A name outlives its windows so long, and may be swept then.
      const keptFromNs = edgeNs - BigInt(expiredKeptMs) * 1_000_000n
      const mayBeSwept = seen.every(({ timeNs }) => timeNs < keptFromNs)
      if (entity !== 'unseen' || !mayBeSwept) {
        assert.equal(entity !== 'unseen', isSeen, `whether ${id} is known`)
      }
      if (Number.isFinite(this.#view.ttlMs)) {
        const liveFromNs = edgeNs - BigInt(this.#view.ttlMs) * 1_000_000n
        const isLive = all.some(
          ({ key, timeNs }) => key === id && timeNs <= edgeNs && timeNs > liveFromNs,
        )
        assert.equal(entity === 'present', isLive, `whether ${id} is served`)
      } else if (inWindow.some(isCounted)) assert.equal(entity, 'present')
    }
  }

  async close(): Promise<void> {
    await this.#finish(true)
    await this.#shard.close()
  }

  /** Where windows of a key end: its events ahead of a clock that does not count are now. */
  #edgeNsOf(id: string, leadingEdge: LeadingEdge): bigint {
    const edgeNs = this.#edgeNs(leadingEdge)
    if (this.#view.leadingEdge === 'wall-clock') return edgeNs
    return this.#accepted
      .filter(({ key }) => key === id)
      .reduce((max, { timeNs }) => (timeNs > max ? timeNs : max), edgeNs)
  }

  /** The clock, or the newest accepted event; one ahead of a clock that counts has not come yet. */
  #edgeNs(leadingEdge: LeadingEdge): bigint {
    const nowNs = BigInt(this.#nowMs) * 1_000_000n
    if (leadingEdge === 'wall-clock') return nowNs
    const isWallClock = this.#view.leadingEdge === 'wall-clock'
    return this.#accepted
      .filter(({ timeNs }) => !isWallClock || timeNs <= nowNs)
      .reduce((max, { timeNs }) => (timeNs > max ? timeNs : max), -(10n ** 30n))
  }

  /** Sends events as a few batches, which are applied together. */
  #send(events: readonly RawEvent[], betweenMs: number): void {
    const sent: { readonly batch: Batch; readonly events: readonly RawEvent[] }[] = []
    for (let from = 0; from < events.length; from += batchEvents) {
      if (from > 0) this.#nowMs += betweenMs
      this.#position += 100
      const own = events.slice(from, from + batchEvents)
      const encoded = own.map((event) => ({
        key: keyOf(this.#view, event.id),
        bytes: encodeEvent(event),
      }))
      const batch = { position: this.#position, arrivalMs: this.#nowMs, events: encoded }
      sent.push({ batch, events: own })
    }
    const rejected = this.#apply(sent.map(({ batch }) => batch))
    for (const { batch, events: own } of sent) {
      const its = rejected.filter(({ position }) => position === batch.position)
      const accepted = this.#acceptedOf(own, its, batch.arrivalMs)
      this.#journal.push({ ...batch, accepted, told: its })
    }
  }

  #apply(batches: readonly Batch[], eventsMax = Infinity): readonly BatchRejections[] {
    const sections = new Sections()
    for (const { position, arrivalMs, events } of batches) {
      sections.open(0, 0, position, arrivalMs)
      for (const [index, { key, bytes }] of events.entries()) {
        sections.event(index, hashBytes(key, 0, key.length, seed), key, bytes)
      }
      sections.close()
    }
    const sent = sections.take()
    const buffers = buffersOf(sent)
    const rejected: BatchRejections[] = []
    // Some of it event by event, which must make no difference.
    const onEvent = this.#applied++ % 3 === 0 ? () => {} : null
    const { end } = partOf(sent)
    for (let start = 0; start < end;) {
      start = this.#shard.apply(buffers, { start, end }, rejected, { eventsMax, onEvent })
    }
    return rejected
  }

  /**
   * Too late is right only for events that no window can hold, a key too many only for one that is
   * new when there were as many that day; nothing else may be rejected.
   */
  #acceptedOf(
    events: readonly RawEvent[],
    rejected: readonly BatchRejections[],
    arrivalMs: number,
  ): readonly OracleEvent[] {
    const accepted: OracleEvent[] = []
    const codes = new Map(
      rejected.flatMap(({ rejections }) => rejections.map(({ index, code }) => [index, code])),
    )
    const limitNs = BigInt(arrivalMs + futureMsMax) * 1_000_000n
    for (const [index, event] of events.entries()) {
      const isInFuture = event.timeNs > limitNs
      assert.equal(codes.get(index) === 'EVENT_IN_FUTURE', isInFuture)
      if (isInFuture) continue
      const isTooLate = codes.get(index) === 'EVENT_TOO_LATE'
      const isExcess = !isTooLate && this.#isExcess(event, accepted, arrivalMs)
      assert.equal(codes.get(index) === 'EVENT_CARDINALITY', isExcess)
      if (isExcess) continue
      if (codes.has(index)) {
        assert.equal(codes.get(index), 'EVENT_TOO_LATE')
        assert.ok(
          event.timeNs < this.#neededFromNs(accepted, arrivalMs),
          'no window could hold a late event',
        )
      } else {
        accepted.push(...rowsOf(this.#story, event))
      }
    }
    return accepted
  }

  /** Whether an event is of a key that is one too many on its day. */
  #isExcess(event: RawEvent, accepted: readonly OracleEvent[], arrivalMs: number): boolean {
    if (rowsOf(this.#story, event).length === 0) return false
    const recount = new KeyRecount(this.#view)
    for (const batch of [...this.#journal, { accepted, arrivalMs }]) {
      for (const row of batch.accepted) recount.add(row, batch.arrivalMs)
    }
    return recount.isExcess(event.id, arrivalMs)
  }

  /** Where the window begins that begins first, or the latest row dies, for events of now. */
  #neededFromNs(accepted: readonly OracleEvent[], arrivalMs: number): bigint {
    const { leadingEdge, features, ttlMs } = this.#view
    const newest = [...this.#accepted, ...accepted].reduce(
      (max, { timeNs }) => (timeNs > max ? timeNs : max),
      -(10n ** 30n),
    )
    const edgeNs = leadingEdge === 'wall-clock' ? BigInt(arrivalMs) * 1_000_000n : newest
    const from = features.map((feature): bigint => {
      if (feature.kind === 'attribute') {
        return Number.isFinite(ttlMs) ? edgeNs - BigInt(ttlMs) * 1_000_000n : -(10n ** 30n)
      }
      const { window } = feature
      if (window.kind === 'lifetime') return BigInt(window.startMs) * 1_000_000n
      const reachMs = window.kind === 'time' ? window.sizeMs + window.offsetMs : window.fromMs
      return edgeNs - BigInt(reachMs) * 1_000_000n
    })
    return from.reduce((min, each) => (each < min ? each : min))
  }

  #read(
    id: string,
    leadingEdge: LeadingEdge,
    features: readonly number[] = this.#view.features.map((_, place) => place),
  ): ReadResult {
    const key = keyOf(this.#view, id)
    this.#shard.admit({ view: 0, edgeMs: this.#nowMs })
    const watermark = { watermarkMs: -Infinity, watermarkNs: 0 }
    const about = { view: 0, features, leadingEdge, edgeMs: this.#nowMs, ...watermark }
    const keyHash = hashBytes(key, 0, key.length, seed)
    return this.#shard.read(about, { keyHash, bytes: key, keyStart: 0, keyEnd: key.length })
  }
}

function codesOf(told: readonly BatchRejections[], of: number): readonly string[] {
  return told
    .filter(({ position }) => position === of)
    .flatMap(({ rejections }) => rejections.map(({ index, code }) => `${index} ${code}`))
    .toSorted()
}

/** Whether a count, or a series of them, is of any event. */
function isCounted(count: unknown): boolean {
  return Array.isArray(count) ? count.some((each) => each !== null) : count !== null
}

function openShard(storePath: string, catalog: Catalog): Promise<Shard> {
  const validators = createValidators(catalog)
  const keyLimits = catalog.views.map(({ newKeysPerDay: max }) => [{ since: 0, max }])
  return Shard.open({ index: 0, catalog, ...validators, viewIds: [0], keyLimits, storePath, seed })
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function encodeEvent({ id, timeNs, whole, small, amount, place, tag }: RawEvent): Uint8Array {
  return encoder.encode({ id, at: new MsgpackTimestamp(timeNs), whole, small, amount, place, tag })
}

function keyOf(view: View, id: string): Uint8Array {
  return encodeKey(view.joinKeys, { id }) as Uint8Array
}
