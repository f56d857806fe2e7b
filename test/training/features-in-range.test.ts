/**
 * Features in range: what reads would have given, and for how long.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { aggregate } from '../../src/define/aggregate.ts'
import { duckdb } from '../../src/define/batch.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { entity } from '../../src/define/entity.ts'
import { pushSource } from '../../src/define/source.ts'
import { t } from '../../src/define/types.ts'
import { streamFeatureView } from '../../src/define/view.ts'
import { openDatabase } from '../../src/duckdb/database.ts'
import { makeFeaturesInRange } from '../../src/training/features-in-range.ts'
import { ofSchema } from '../../src/training/of-schema.ts'
import { resolveRangeOptions } from '../../src/training/options.ts'
import { runPass } from '../../src/training/pass.ts'
import { rangeRun } from '../helpers/range-run.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

type Mode = { mode: 'interval'; aggregationInterval: '1d' } | { mode: 'continuous' | 'sawtooth' }

/** A sum over five days of the amounts on days of January: `2: 10` is 10 at noon of the 2nd. */
async function rangesOf(
  context: TestContext,
  mode: Mode & { leadingEdge?: 'latest-event' },
  amounts: Readonly<Record<number, number>>,
): Promise<readonly string[]> {
  const values = Object.entries(amounts).map(
    ([day, amount]) =>
      `('u1', TIMESTAMP '2024-01-01 12:00:00' + INTERVAL ${Number(day) - 1} DAYS, ${amount})`,
  )
  const source = pushSource({
    name: 'orders',
    schema: { user_id: t.String(), at: t.Timestamp(), amount: t.Int64() },
    batch: duckdb(`SELECT * FROM (VALUES ${values.join(', ')}) v(user_id, "at", amount)`),
  })
  const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
  const features = [aggregate('amount', 'sum', '5d', { name: 'total' })]
  const view = { name: 'orders_5d', source, entities: [user], features, ...mode }
  const catalog = buildCatalog([streamFeatureView(view as never)])
  const out = join(await temporaryDirectory(context), 'ranges.parquet')
  const options = resolveRangeOptions({
    features: [],
    service: 'orders_5d',
    out,
    from: '2024-01-01T00:00:00Z',
    to: '2024-01-09T00:00:00Z',
    threads: 2,
  })
  const pool = {
    run: (task: never) => runPass(ofSchema(catalog), task),
    close: () => Promise.resolve(),
  }
  await makeFeaturesInRange({ options, catalog, pool })
  const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
  const rows = await database.rows(
    `SELECT user_id, strftime(valid_from, '%dT%H'), strftime(valid_to, '%dT%H'), orders_5d__total
      FROM read_parquet('${out}')`,
  )
  await database.close()
  return rows.map((row) => {
    const [user, from, to, total] = row.map(String) as [string, string, string, string]
    return `${user} ${from}–${to}: ${total}`
  })
}

const days = { 1: 5, 2: 10, 6: 20, 7: 10 }

test('of complete tiles, a value is visible an interval later', async (context) => {
  // 1   2   3   4   5   6   7   8   9
  // |-5-|10-|   |   |   |20-|10-|   |
  //                     [===5 days===)  at the end of the 8th: 20 + 10
  const ranges = await rangesOf(context, { mode: 'interval', aggregationInterval: '1d' }, days)
  assert.deepEqual(ranges, ['u1 02T00–03T00: 5', 'u1 03T00–07T00: 15', 'u1 07T00–09T00: 30'])
})

test('in an exact window, an event is from its time on until it leaves', async (context) => {
  // The 10 of the 2nd leaves when that of the 7th comes.
  assert.deepEqual(await rangesOf(context, { mode: 'continuous' }, days), [
    'u1 01T12–02T12: 5',
    'u1 02T12–06T12: 15',
    'u1 06T12–09T00: 30',
  ])
  assert.deepEqual(await rangesOf(context, { mode: 'continuous' }, { 1: 5 }), ['u1 01T12–06T12: 5'])
})

test('of a sawtooth, an event leaves with its tile', async (context) => {
  assert.deepEqual(await rangesOf(context, { mode: 'sawtooth' }, { 1: 5 }), ['u1 01T12–06T18: 5'])
})

test('windows that end at the latest event of any key are refused', async (context) => {
  const view = { mode: 'sawtooth', leadingEdge: 'latest-event' } as const
  await assert.rejects(rangesOf(context, view, days), { code: 'CONFIG_INVALID' })
})

test('ranges say what a recount says, at their ends and between them', async () => {
  const { ranges } = await rangeRun({ runs: 20, seed: 20240701 })
  assert.ok(ranges > 60, `${ranges} ranges`)
})
