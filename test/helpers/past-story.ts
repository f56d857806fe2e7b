/**
 * A daemon on one thread whose view has a past, driven step by step.
 */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '../../src/base/clock.ts'
import { settleDefinitions } from '../../src/daemon/definitions.ts'
import type { BatchRows, BatchRowsChunk, BatchRowsRequest } from '../../src/model/backfill.ts'
import type { Catalog } from '../../src/model/catalog.ts'
import type { ProducerSession } from '../../src/model/contracts.ts'
import { createEncoder, MsgpackTimestamp } from '../../src/model/msgpack.ts'
import { encodeOrigins } from '../../src/model/origins.ts'
import { payloadOf } from '../../src/model/payload.ts'
import { sawtoothTileMs } from '../../src/model/tiles.ts'
import type { Manifest } from '../../src/persist/manifest.ts'
import { openSmallDaemon, type SmallDaemon } from '../story/small-daemon.ts'
import { shardCount } from '../story/steps.ts'
import { MemoryDisk } from './memory-disk.ts'
import { compare } from './naive.ts'
import { oracle } from './oracle.ts'
import { randomNumbers } from './random.ts'
import { catalogOf, rowsOf, startMs, type RawEvent, type StoryView } from './story-view.ts'

export type PastStep =
  | { readonly kind: 'publish'; readonly count: number }
  /** Event time before which it ends for now, from the start of the story. */
  | { readonly kind: 'backfill'; readonly toMs: number | null }
  | { readonly kind: 'turns'; readonly count: number }
  | { readonly kind: 'pause' | 'checkpoint' | 'kill' }
  | { readonly kind: 'power loss'; readonly seed: number }

export interface PastOptions {
  readonly view: StoryView
  readonly list: readonly RawEvent[]
  readonly boundaryMs: number
  /** Whether an event is where it does not count, too. */
  readonly isInBoth: readonly boolean[]
  readonly batchRows: number
}

const encoder = createEncoder()
const ids = ['a', 'b', 'c', 'never']

/** Later than every event of a story. */
const endMs = startMs + 400_000

export class PastStory {
  readonly #dir: string
  readonly #options: PastOptions
  readonly #catalog: Catalog
  readonly #clock = new ManualClock(startMs)
  /** What the batch source holds, in its order, and what the stream brings. */
  readonly #past: readonly RawEvent[]
  readonly #stream: readonly RawEvent[]
  #journalDisk = new MemoryDisk()
  #ledgerDisk = new MemoryDisk()
  #stored: { manifest: Manifest }
  #daemon!: SmallDaemon
  #session: ProducerSession | null = null
  #epoch: number | null = null
  /** Events of the stream that were published. */
  #published = 0

  static async open(dir: string, options: PastOptions): Promise<PastStory> {
    const story = new PastStory(dir, options)
    await story.#open()
    return story
  }

  private constructor(dir: string, options: PastOptions) {
    const { view, list, isInBoth } = options
    this.#dir = dir
    this.#options = options
    this.#catalog = withPast(catalogOf(view), options.boundaryMs)
    const isHere = (isPast: boolean) => (event: RawEvent, n: number) =>
      this.#isPast(event) === isPast || isInBoth[n]!
    this.#past = list.filter(isHere(true)).toSorted((a, b) => compare(a.timeNs, b.timeNs))
    this.#stream = list.filter(isHere(false))
    const settling = {
      shards: shardCount,
      journalEnd: 0,
      retained: null,
      nowMs: startMs,
      dropMissing: false,
    }
    this.#stored = { manifest: settleDefinitions(this.#catalog, null, settling).manifest }
  }

  async play(step: PastStep): Promise<void> {
    const { backfills } = this.#daemon
    switch (step.kind) {
      case 'publish':
        await this.#publish(step.count)
        return
      case 'backfill': {
        const toMs = step.toMs === null ? null : startMs + step.toMs
        await backfills!.start({ views: null, fromMs: null, toMs })
        return
      }
      case 'turns':
        for (let n = 0; n < step.count; n++) await turn()
        return
      case 'pause':
        await backfills!.pause()
        return
      case 'checkpoint':
        await this.#daemon.checkpoint(null)
        return
      case 'kill':
        await this.#restart((disk) => disk.copy())
        return
      case 'power loss': {
        const random = randomNumbers(step.seed)
        await this.#restart((disk) => disk.afterPowerLoss(random))
        return
      }
    }
  }

  /** Publishes and backfills all that is left, after the last event's time. */
  async finish(): Promise<void> {
    this.#clock.set(endMs)
    await this.#publish(this.#stream.length)
    const { backfills } = this.#daemon
    await backfills!.pause()
    const whole = { views: ['story'], fromMs: null, toMs: null }
    await backfills!.start(whole)
    const states = () => backfills!.status().map(({ state, error }) => error?.message ?? state)
    while (states().includes('running')) await turn()
    assert.deepEqual(states(), ['complete'])
    // Again: nothing changes.
    const { end } = this.#daemon.journal
    await backfills!.start(whole)
    await backfills!.pause()
    assert.deepEqual(states(), ['complete'])
    await this.#daemon.quiet(new Set())
    assert.equal(this.#daemon.journal.end, end)
  }

  async check(): Promise<void> {
    const view = this.#catalog.views[0]!
    // Those of one time are on one side of the boundary, and in one order there.
    const counted = this.#options.list.flatMap((event) => rowsOf(this.#options.view, event))
    const { rows } = await this.#daemon.reader.read(
      'story',
      ids.map((id) => ({ id })),
    )
    for (const [n, id] of ids.entries()) {
      const { values, edgeNs } = rows[n]!
      const expected = oracle(counted, view, id, edgeNs[0]!, sawtoothTileMs)
      assert.deepEqual(
        values,
        expected.map((value) => value ?? null),
        `values of ${id}`,
      )
      if (view.leadingEdge === 'wall-clock') {
        assert.equal(edgeNs[0], BigInt(endMs) * 1_000_000n)
      } else if (counted.length > 0) {
        const newest = counted
          .map(({ timeNs }) => timeNs)
          .toSorted(compare)
          .at(-1)
        assert.equal(edgeNs[0], newest)
      }
    }
    await this.#checkLedger()
  }

  async close(): Promise<void> {
    await this.#daemon.quiet(new Set())
    await this.#daemon.kill()
  }

  /** What the stream has brought of the past is there, each once, and nothing of the rest. */
  async #checkLedger(): Promise<void> {
    const { ledger } = this.#daemon
    const query = { filter: { code: 'EVENT_BEFORE_STREAM' }, after: 0, upTo: ledger.lastId }
    const { entries } = await ledger.read({ ...query, limit: 1000 })
    const expected = this.#stream.flatMap((event, sequence) =>
      this.#isPast(event) && rowsOf(this.#options.view, event).length > 0 ? [sequence] : [],
    )
    assert.deepEqual(
      entries.map(({ sequence }) => sequence),
      expected,
    )
  }

  #isPast({ timeNs }: RawEvent): boolean {
    return timeNs < BigInt(this.#options.boundaryMs) * 1_000_000n
  }

  async #publish(count: number): Promise<void> {
    this.#session ??= await this.#connect()
    const events = this.#stream.slice(this.#published, this.#published + count)
    if (events.length === 0) return
    this.#session.publish({
      source: 'events',
      sequence: this.#published,
      count: events.length,
      payload: payloadOf(events.map(encodeEvent)),
    })
    this.#published += events.length
  }

  async #connect(): Promise<ProducerSession> {
    const { intake } = this.#daemon
    const listener = { acknowledged: () => {}, fenced: () => {} }
    const session = await intake.openProducer('p', this.#epoch, listener)
    this.#epoch = session.epoch
    this.#published = session.lastSequence + 1
    return session
  }

  /** The process is gone, and with it all that the disks have not kept. */
  async #restart(kept: (disk: MemoryDisk) => MemoryDisk): Promise<void> {
    const before = [this.#journalDisk, this.#ledgerDisk]
    const [journalDisk, ledgerDisk] = before.map(kept)
    // What the old process has not done by now, it will never do.
    for (const disk of before) disk.before = () => new Promise(() => {})
    this.#stored = { manifest: this.#stored.manifest }
    await this.#daemon.kill()
    this.#journalDisk = journalDisk!
    this.#ledgerDisk = ledgerDisk!
    this.#session = null
    await this.#open()
  }

  async #open(): Promise<void> {
    this.#daemon = await openSmallDaemon({
      catalog: this.#catalog,
      clock: this.#clock,
      journalDisk: this.#journalDisk,
      ledgerDisk: this.#ledgerDisk,
      storePath: this.#dir,
      stateBytesMax: 2 ** 30,
      past: {
        stored: this.#stored,
        openRows: (request) => Promise.resolve(rowsIn(this.#past, request)),
        batchRows: this.#options.batchRows,
      },
    })
  }
}

function withPast(catalog: Catalog, streamStartMs: number): Catalog {
  const batch = { from: { kind: 'query' as const, sql: '' }, query: null }
  const sources = catalog.sources.map((source) => ({ ...source, batch, streamStartMs }))
  return { ...catalog, sources }
}

/** Rows of a batch source, as a reader of it would hand them out. */
function rowsIn(past: readonly RawEvent[], request: BatchRowsRequest): BatchRows {
  const { fromMs, untilMs, skip, firstRows, chunkRows } = request
  const rows = past
    .map((event, n) => ({ event, row: n + 1 }))
    .filter(({ event }) => event.timeNs < BigInt(untilMs) * 1_000_000n)
    .filter(({ event }) => fromMs === null || event.timeNs >= BigInt(fromMs) * 1_000_000n)
  async function* chunks(): AsyncGenerator<BatchRowsChunk> {
    for (let from = skip; from < rows.length;) {
      await turn()
      const chunk = rows.slice(from, from + (from === skip ? firstRows : chunkRows))
      from += chunk.length
      yield {
        count: chunk.length,
        payload: payloadOf(chunk.map(({ event }) => encodeEvent(event))),
        origins: encodeOrigins({
          files: ['past'],
          file: new Uint16Array(chunk.length),
          row: Float64Array.from(chunk, ({ row }) => row),
          refused: [],
        }),
      }
    }
  }
  const iterator = chunks()
  return {
    total: rows.length,
    [Symbol.asyncIterator]: () => iterator,
    close: () => Promise.resolve(),
  }
}

function encodeEvent({ id, timeNs, whole, small, amount, place, tag }: RawEvent): Uint8Array {
  return encoder.encode({ id, at: new MsgpackTimestamp(timeNs), whole, small, amount, place, tag })
}
