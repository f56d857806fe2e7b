/**
 * Rows as they would have been served, held to what a daemon did serve.
 *
 * Method: fast-check makes views, and a story in which events arrive in any order of their times,
 * late, early and twice, time goes by, and keys are read. Every read is written down. Now and then
 * what has come so far is exported, so that part of it is in the offline log and the rest in the
 * journal alone. Then a training set is made whose spine is the moments of the reads, and each of
 * its values has to be the one that was read.
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { ManualClock } from '../../src/base/clock.ts'
import { settleDefinitions } from '../../src/daemon/definitions.ts'
import { openDatabase } from '../../src/duckdb/database.ts'
import { offlineFiles } from '../../src/export/log-files.ts'
import { runExport } from '../../src/export/run-export.ts'
import { readOfflineState, type OfflineState } from '../../src/export/state.ts'
import { settleOffline } from '../../src/export/settle.ts'
import { journalFormat } from '../../src/journal/record.ts'
import { ledgerFormat } from '../../src/ledger/record.ts'
import { readExtent } from '../../src/log/extent.ts'
import type { Catalog } from '../../src/model/catalog.ts'
import type { ProducerSession } from '../../src/model/contracts.ts'
import { createEncoder, MsgpackTimestamp } from '../../src/model/msgpack.ts'
import { payloadOf } from '../../src/model/payload.ts'
import type { Value } from '../../src/model/types.ts'
import { writeManifest } from '../../src/persist/manifest.ts'
import { ofSchema } from '../../src/training/of-schema.ts'
import { runPass } from '../../src/training/pass.ts'
import { makeTrainingSet } from '../../src/training/training-set.ts'
import { openSmallDaemon, smallSeed, type SmallDaemon } from '../story/small-daemon.ts'
import { shardCount } from '../story/steps.ts'
import { MemoryDisk } from './memory-disk.ts'
import { rowsOfParquet, writeParquet } from './parquet-rows.ts'
import { plain } from './plain.ts'
import { events, views } from './story-arbitraries.ts'
import { startMs, storyCatalog, type RawEvent, type StoryView } from './story-view.ts'

type ServedStep =
  | { readonly kind: 'publish'; readonly events: readonly RawEvent[] }
  | { readonly kind: 'advance'; readonly ms: number }
  /** Nanoseconds within the millisecond of the read, which no clock of a daemon has. */
  | { readonly kind: 'read'; readonly ns: number }
  | { readonly kind: 'export' }

const step: fc.Arbitrary<ServedStep> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      events: events({ uniqueTimes: false }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      ms: fc.oneof(
        fc.constantFrom(0, 1, 10_000),
        fc.integer({ min: 0, max: 20_000 }),
        fc.integer({ min: 0, max: 4_000_000 }),
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      ns: fc.constantFrom(0, 0, 1, 999_999),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'export' as const }) },
)

const stories = fc.record({
  views: fc.array(views, { minLength: 1, maxLength: 4 }),
  dedupe: fc.constantFrom(
    undefined,
    { by: 'event-time' } as const,
    { by: 'event-id', field: 'tag', horizon: '10m' } as const,
  ),
  offline: fc.boolean(),
  steps: fc.array(step, { minLength: 4, maxLength: 24 }),
})

export interface ServedRunResult {
  values: number
  /** Of them, those that are not null. */
  present: number
}

/** Throws at the first value that is not what was read. */
export async function asServedRun(run: { runs: number; seed: number }): Promise<ServedRunResult> {
  const result = { values: 0, present: 0 }
  await fc.assert(
    fc.asyncProperty(stories, async ({ views: list, steps, dedupe, offline }) => {
      const dir = await mkdtemp(join(tmpdir(), 'millrace-served-'))
      const rule = dedupe === undefined ? {} : { dedupe }
      const catalog = storyCatalog(list as readonly StoryView[], { ...rule, offline })
      const story = await ServedStory.open(dir, catalog)
      try {
        for (const each of steps) await story.play(each)
        await story.compare(result)
      } finally {
        await story.close()
        await rm(dir, { recursive: true, force: true })
      }
    }),
    { numRuns: run.runs, seed: run.seed },
  )
  return result
}

interface ReadRow {
  readonly id: string
  readonly at: bigint
  readonly values: readonly unknown[]
}

const ids = ['a', 'b', 'c', 'never']
const encoder = createEncoder()

class ServedStory {
  readonly #dir: string
  readonly #catalog: Catalog
  readonly #clock = new ManualClock(startMs)
  readonly #journalDisk = new MemoryDisk()
  readonly #ledgerDisk = new MemoryDisk()
  readonly #read: ReadRow[] = []
  #daemon!: SmallDaemon
  #session!: ProducerSession
  #published = 0

  static async open(dir: string, catalog: Catalog): Promise<ServedStory> {
    const story = new ServedStory(dir, catalog)
    await story.#open()
    return story
  }

  private constructor(dir: string, catalog: Catalog) {
    this.#dir = dir
    this.#catalog = catalog
  }

  async play(each: ServedStep): Promise<void> {
    switch (each.kind) {
      case 'publish':
        this.#publish(each.events)
        return
      case 'advance':
        this.#clock.advance(each.ms)
        return
      case 'read':
        await this.#readAll(each.ns)
        return
      case 'export':
        await this.#export()
    }
  }

  /** Makes the training set, and holds each of its values to the one that was read. */
  async compare(result: ServedRunResult): Promise<void> {
    await this.#save()
    const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
    try {
      const made = database.tempDir
      const [spine, out] = ['spine.parquet', 'out.parquet'].map((name) => join(made, name))
      const { fields } = this.#catalog.sources[0]!
      const spineFields = fields.filter(({ name }) => name === 'id' || name === 'at')
      await writeParquet(database, spine!, spineFields, this.#read)
      const { sources } = await makeTrainingSet({
        catalog: this.#catalog,
        options: {
          features: [],
          service: 'all',
          spine: spine!,
          out: out!,
          timeColumn: 'at',
          threads: 2,
          memoryBytesMax: 2 ** 28,
          as: 'served',
          dataDir: this.#dir,
        },
        pool: {
          run: (task) => runPass(ofSchema(this.#catalog), task),
          close: () => Promise.resolve(),
        },
      })
      assert.deepEqual(
        sources.map(({ from }) => (from as { knownFrom: string | null }).knownFrom),
        [null],
      )
      const rows = await rowsOfParquet(database, out!)
      assert.equal(rows.length, this.#read.length)
      for (const [n, { id, at, values }] of this.#read.entries()) {
        assert.deepEqual(rows[n], [id, at, ...values], `row ${n}`)
        result.values += values.length
        result.present += values.filter((value) => value !== null).length
      }
    } finally {
      await database.close()
    }
  }

  async close(): Promise<void> {
    await this.#daemon.quiet(new Set())
    await this.#daemon.kill()
  }

  async #open(): Promise<void> {
    const place = { shards: shardCount, journalEnd: 0, retained: null }
    const settling = { ...place, nowMs: startMs, dropMissing: false }
    const { manifest } = settleDefinitions(this.#catalog, null, settling)
    await writeManifest(join(this.#dir, 'store.json'), { ...manifest, seed: smallSeed })
    this.#daemon = await openSmallDaemon({
      catalog: this.#catalog,
      clock: this.#clock,
      journalDisk: this.#journalDisk,
      ledgerDisk: this.#ledgerDisk,
      storePath: join(this.#dir, 'shards'),
      stateBytesMax: 2 ** 30,
    })
    const listener = { acknowledged: () => {}, fenced: () => {} }
    this.#session = await this.#daemon.intake.openProducer('p', null, listener)
  }

  #publish(list: readonly RawEvent[]): void {
    this.#session.publish({
      source: 'events',
      sequence: this.#published,
      count: list.length,
      payload: payloadOf(list.map(encodeEvent)),
    })
    this.#published += list.length
  }

  async #readAll(ns: number): Promise<void> {
    await this.#daemon.quiet(new Set())
    const keys = ids.map((id) => ({ id }))
    const { rows } = await this.#daemon.reader.read('all', keys)
    const at = BigInt(this.#clock.nowMs()) * 1_000_000n + BigInt(ns)
    for (const [n, id] of ids.entries()) {
      const values = rows[n]!.values.map((value) => plain((value ?? null) as Value))
      this.#read.push({ id, at, values })
    }
    // What comes from now on arrives after the read.
    this.#clock.advance(1)
  }

  /** What the logs have, as a data directory has it. */
  async #save(): Promise<void> {
    await this.#daemon.quiet(new Set())
    for (const [name, disk] of [
      ['journal', this.#journalDisk],
      ['ledger', this.#ledgerDisk],
    ] as const) {
      const dir = join(this.#dir, name)
      await mkdir(dir, { recursive: true })
      for (const path of disk.paths) await writeFile(join(dir, basename(path)), disk.contents(path))
    }
  }

  async #export(): Promise<void> {
    const sources = this.#catalog.sources.filter(({ offline }) => offline)
    if (sources.length === 0) return
    await this.#save()
    const dir = join(this.#dir, 'offline')
    const journal = await readExtent(join(this.#dir, 'journal'), journalFormat)
    const ledger = await readExtent(join(this.#dir, 'ledger'), ledgerFormat)
    const before: OfflineState | null = await readOfflineState(dir)
    const state = settleOffline(before, {
      journalId: journal.logId,
      journalStart: 0,
      // From the first event on, as in a store that began with these definitions.
      journalEnd: before === null ? 0 : journal.segments.at(-1)!.end,
      ledgerStart: 0,
      ledgerEnd: before === null ? 0 : ledger.segments.at(-1)!.end,
      sources: sources.map(({ name }) => name),
    })!
    const upTo = journal.segments.at(-1)!.end
    const retention = { bytesMax: 2 ** 40, ageMsMax: 2 ** 50, nowMs: this.#clock.nowMs() }
    const task = { dir, state, upTo, journal, ledger, retention }
    await runExport(this.#catalog, task, offlineFiles, () => {})
  }
}

function encodeEvent({ timeNs, ...event }: RawEvent): Uint8Array {
  return encoder.encode({ ...event, at: new MsgpackTimestamp(timeNs) })
}
