/**
 * Training sets over events made at random, and the naive oracle beside each of their values.
 *
 * A run has a source with events, some views of it, each at random, and a spine; all are one
 * service, so that one training set has the values of all views. Passes are made in this thread.
 */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { parquet } from '../../src/define/batch.ts'
import type { Catalog, View } from '../../src/model/catalog.ts'
import { sawtoothTileMs } from '../../src/model/tiles.ts'
import { openDatabase } from '../../src/duckdb/database.ts'
import { ofSchema } from '../../src/training/of-schema.ts'
import { runPass } from '../../src/training/pass.ts'
import { makeTrainingSet } from '../../src/training/training-set.ts'
import { oracle, type OracleEvent } from './oracle.ts'
import { rowsOfParquet, writeParquet } from './parquet-rows.ts'
import { plain } from './plain.ts'
import { events, views } from './story-arbitraries.ts'
import { rowsOf, startMs, storyCatalog, type RawEvent, type StoryView } from './story-view.ts'

interface SpineRow {
  readonly id: string
  readonly at: bigint
}

interface Story {
  readonly views: readonly StoryView[]
  readonly dedupe: StoryView['dedupe']
  readonly events: readonly RawEvent[]
  readonly spine: readonly SpineRow[]
}

const moment = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(0, 10_000, 3_600_000),
      fc.integer({ min: -8 * 86_400_000, max: 9 * 86_400_000 }),
      fc.integer({ min: -4_000_000, max: 4_000_000 }),
    ),
    fc.constantFrom(0, 0, 1, 999_999),
  )
  .map(([ms, ns]) => BigInt(startMs + ms) * 1_000_000n + BigInt(ns))

/** Rows at random moments, and at those of events: what is in a window is decided there. */
function spines(list: readonly RawEvent[]): fc.Arbitrary<SpineRow[]> {
  const times = list.map(({ timeNs }) => timeNs)
  const at = fc.oneof(moment, fc.constantFrom(...times), fc.constantFrom(...times))
  return fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'never'), at }), { maxLength: 24 })
}

const story: fc.Arbitrary<Story> = fc
  .record({
    views: fc.array(views, { minLength: 1, maxLength: 6 }),
    dedupe: fc.constantFrom(undefined, undefined, { by: 'event-time' } as const),
    parts: fc.array(events({ uniqueTimes: false }), { minLength: 1, maxLength: 8 }),
  })
  .map(({ parts, ...rest }) => ({ ...rest, events: parts.flat() }))
  .chain((rest) => fc.record({ ...constants(rest), spine: spines(rest.events) }))

function constants<T extends object>(values: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  const entries = Object.entries(values).map(([name, value]) => [name, fc.constant(value)])
  return Object.fromEntries(entries) as { [K in keyof T]: fc.Arbitrary<T[K]> }
}

/** What was compared. */
export interface TrainingRunResult {
  values: number
  /** Of them, those that are not null. */
  present: number
}

/** Throws at the first value that is not the oracle's. */
export async function trainingRun(run: { runs: number; seed: number }): Promise<TrainingRunResult> {
  const result = { values: 0, present: 0 }
  await fc.assert(
    fc.asyncProperty(story, async (each) => {
      const dir = await mkdtemp(join(tmpdir(), 'millrace-training-'))
      try {
        await compare(dir, each, result)
      } finally {
        await rm(dir, { recursive: true })
      }
    }),
    { numRuns: run.runs, seed: run.seed },
  )
  return result
}

async function compare(dir: string, each: Story, result: TrainingRunResult): Promise<void> {
  const catalog = storyCatalog(each.views, {
    ...(each.dedupe !== undefined && { dedupe: each.dedupe }),
    batch: parquet(join(dir, 'events.parquet')),
  })
  const rows = await rowsOfTrainingSet(dir, catalog, each)
  assert.equal(rows.length, each.spine.length)
  for (const [n, { id, at }] of each.spine.entries()) {
    const row = rows[n]!
    assert.deepEqual(row.slice(0, 2), [id, at])
    const expected = each.views.flatMap((view, place) =>
      expectedValues(catalog.views[place]!, view, each.events, id, at),
    )
    result.values += expected.length
    result.present += expected.filter((value) => value !== null).length
    const message = `row ${n}: ${inspect(row)} where the oracle has ${inspect(expected)}`
    assert.deepEqual(row.slice(2), expected, message)
  }
}

/** The values of a view as a read at the moment would have had them. */
export function expectedValues(
  view: View,
  storyView: StoryView,
  list: readonly RawEvent[],
  id: string,
  at: bigint,
): unknown[] {
  const past = list.filter(({ timeNs }) => timeNs <= at).flatMap((each) => rowsOf(storyView, each))
  const edge = view.leadingEdge === 'wall-clock' ? at : newestOf(view, past)
  const values = edge === null ? view.features.map(() => null) : oracleValues(view, past, id, edge)
  return values.map((value) => plain(value ?? null))
}

function oracleValues(view: View, past: readonly OracleEvent[], id: string, edge: bigint) {
  return oracle(past, view, id, edge, sawtoothTileMs)
}

/** The newest event of a view, of those that a window may hold; null before the first. */
function newestOf(view: View, past: readonly OracleEvent[]): bigint | null {
  const starts = view.features.map((feature) =>
    feature.kind !== 'attribute' && feature.window.kind === 'lifetime'
      ? BigInt(feature.window.startMs) * 1_000_000n
      : null,
  )
  const counts = past.filter(({ timeNs }) => {
    return starts.some((start) => start === null || timeNs >= start)
  })
  return counts.reduce<bigint | null>((max, { timeNs }) => {
    return max === null || timeNs > max ? timeNs : max
  }, null)
}

/** Writes the files, makes the training set, and reads it: spine columns, then values. */
async function rowsOfTrainingSet(
  dir: string,
  catalog: Catalog,
  { events: list, spine }: Story,
): Promise<readonly (readonly unknown[])[]> {
  const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
  try {
    const { fields } = catalog.sources[0]!
    const eventRows = list.map(({ timeNs, ...rest }) => ({ ...rest, at: timeNs }))
    await writeParquet(database, join(dir, 'events.parquet'), fields, eventRows)
    const spineFields = fields.filter(({ name }) => name === 'id' || name === 'at')
    await writeParquet(database, join(dir, 'spine.parquet'), spineFields, spine)
    const out = join(dir, 'out.parquet')
    await makeTrainingSet({
      catalog,
      options: {
        features: [],
        service: 'all',
        spine: join(dir, 'spine.parquet'),
        out,
        timeColumn: 'at',
        threads: 2,
        memoryBytesMax: 2 ** 28,
        as: 'event-time',
        dataDir: null,
      },
      pool: { run: (task) => runPass(ofSchema(catalog), task), close: () => Promise.resolve() },
    })
    return await rowsOfParquet(database, out)
  } finally {
    await database.close()
  }
}
