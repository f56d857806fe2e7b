/**
 * Features in range of events made at random, and the naive oracle at moments of each range.
 *
 * Where a range begins and ends has to be where values change, so these are looked at, the last
 * nanosecond before each among them, and beside them moments of events and at random: a change that
 * no range tells of would be seen there.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { parquet } from '../../src/define/batch.ts'
import { openDatabase, sqlText } from '../../src/duckdb/database.ts'
import type { Value } from '../../src/model/types.ts'
import { makeFeaturesInRange } from '../../src/training/features-in-range.ts'
import { ofSchema } from '../../src/training/of-schema.ts'
import { resolveRangeOptions } from '../../src/training/options.ts'
import { runPass } from '../../src/training/pass.ts'
import { writeParquet } from './parquet-rows.ts'
import { plain } from './plain.ts'
import { events, views } from './story-arbitraries.ts'
import { startMs, storyCatalog, type RawEvent, type StoryView } from './story-view.ts'
import { expectedValues } from './training-run.ts'

interface Story {
  readonly view: StoryView
  readonly list: readonly RawEvent[]
  readonly from: Date
  readonly to: Date
  /** Moments in the range, as parts of it. */
  readonly parts: readonly number[]
}

const story: fc.Arbitrary<Story> = fc.record({
  view: views.map((view): StoryView => ({ ...view, leadingEdge: 'wall-clock' })),
  list: fc
    .array(events({ uniqueTimes: false }), { minLength: 1, maxLength: 3 })
    .map((lists) => lists.flat()),
  from: fc.integer({ min: -9 * 86_400_000, max: 0 }).map((ms) => new Date(startMs + ms)),
  to: fc.integer({ min: 1, max: 9 * 86_400_000 }).map((ms) => new Date(startMs + ms)),
  parts: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 12 }),
})

interface Range {
  readonly id: string
  readonly from: bigint
  readonly to: bigint
  readonly values: readonly unknown[]
}

/** Throws at the first moment of which a range says what the oracle does not. */
export async function rangeRun(run: { runs: number; seed: number }): Promise<{ ranges: number }> {
  let ranges = 0
  await fc.assert(
    fc.asyncProperty(story, async (each) => {
      const dir = await mkdtemp(join(tmpdir(), 'millrace-ranges-'))
      try {
        ranges += await compare(dir, each)
      } finally {
        await rm(dir, { recursive: true })
      }
    }),
    { numRuns: run.runs, seed: run.seed },
  )
  return { ranges }
}

async function compare(dir: string, each: Story): Promise<number> {
  const { view, list, parts } = each
  const { dedupe } = view
  const catalog = storyCatalog([view], {
    ...(dedupe !== undefined && { dedupe }),
    batch: parquet(join(dir, 'events.parquet')),
  })
  const ranges = await rangesOf(dir, catalog, each)
  const [from, to] = [each.from, each.to].map((date) => BigInt(date.getTime()) * 1_000_000n)
  const span = Number(to! - from!)
  for (const id of ['a', 'b', 'c']) {
    const own = ranges.filter((range) => range.id === id)
    assertApart(own)
    const moments = [
      ...own.flatMap((range) => [range.from, range.from - 1n, range.to - 1n, range.to]),
      ...list.map(({ timeNs }) => timeNs),
      ...parts.map((part) => from! + BigInt(Math.floor(span * part))),
    ].filter((at) => at >= from! && at < to!)
    for (const at of moments) {
      const expected = expectedValues(catalog.views[0]!, view, list, id, at)
      const range = own.find((one) => one.from <= at && at < one.to)
      const told = range?.values ?? expected.map(() => null)
      assert.deepEqual(told, expected, `${id} at ${at}`)
    }
  }
  return ranges.length
}

/** Ranges of a key follow one another, and say another thing each. */
function assertApart(ranges: readonly Range[]): void {
  for (const [n, range] of ranges.entries()) {
    assert.ok(range.from < range.to, 'a range has a length')
    const before = ranges[n - 1]
    if (before === undefined) continue
    assert.ok(before.to <= range.from, 'ranges of a key do not overlap')
    if (before.to === range.from) assert.notDeepEqual(before.values, range.values)
  }
}

async function rangesOf(
  dir: string,
  catalog: ReturnType<typeof storyCatalog>,
  { list, from, to }: Story,
): Promise<readonly Range[]> {
  const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
  try {
    const rows = list.map(({ timeNs, ...rest }) => ({ ...rest, at: timeNs }))
    const { fields } = catalog.sources[0]!
    await writeParquet(database, join(dir, 'events.parquet'), fields, rows)
    const out = join(dir, 'ranges.parquet')
    const asked = { features: [], service: 'all', from, to, out, threads: 2 }
    const options = resolveRangeOptions({ ...asked, memoryBytesMax: 2 ** 28 })
    const pool = {
      run: (task: never) => runPass(ofSchema(catalog), task),
      close: () => Promise.resolve(),
    }
    await makeFeaturesInRange({ options, catalog, pool })
    const found = await database.rows(
      `SELECT id, epoch_ns(valid_from), epoch_ns(valid_to), * EXCLUDE (id, valid_from, valid_to)
        FROM read_parquet(${sqlText(out)})`,
    )
    return found.map(([id, first, end, ...values]) => ({
      id: id as string,
      from: first as bigint,
      to: end as bigint,
      values: values.map((value) => plain(value as Value)),
    }))
  } finally {
    await database.close()
  }
}
