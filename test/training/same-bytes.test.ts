/**
 * A training set is a function of what it is made of, to the last byte.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  aggregate,
  approxCountDistinct,
  approxPercentile,
  entity,
  featureService,
  last,
  parquet,
  pushSource,
  streamFeatureView,
  t as type,
} from '../../src/index.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { openDatabase } from '../../src/duckdb/database.ts'
import { ofSchema } from '../../src/training/of-schema.ts'
import { resolveTrainingOptions } from '../../src/training/options.ts'
import { runPass } from '../../src/training/pass.ts'
import { makeTrainingSet } from '../../src/training/training-set.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

/** For Parquet more than one of its groups has, so that several threads write them. */
const spineRows = { parquet: 130_000, csv: 10_000, ndjson: 10_000 } as const
const eventRows = 3000

/** Two views with keys of their own, one of them at the latest event. */
function catalogOf(dir: string) {
  const source = pushSource({
    name: 'visits',
    schema: {
      user: type.String(),
      shop: type.Int64(),
      at: type.Timestamp(),
      spent: type.Float64(),
    },
    timestampField: 'at',
    batch: parquet(join(dir, 'visits-*.parquet')),
  })
  const byUser = streamFeatureView({
    name: 'by_user',
    source,
    entities: [entity({ name: 'user', joinKeys: { user: type.String() } })],
    features: [
      aggregate('spent', 'sum', '1h'),
      aggregate('spent', 'stddev_samp', '1d'),
      aggregate('shop', last(3), '1d'),
      aggregate('shop', approxCountDistinct(4), '1d'),
    ],
  })
  const byShop = streamFeatureView({
    name: 'by_shop',
    source,
    entities: [entity({ name: 'shop', joinKeys: { shop: type.Int64() } })],
    leadingEdge: 'latest-event',
    features: [
      aggregate('spent', approxPercentile(0.9, 20), '6h'),
      aggregate('user', 'last', '1d'),
    ],
  })
  return buildCatalog([featureService({ name: 'both', features: [byUser, byShop] })])
}

/** Events in three files, many of one time, and a spine with other columns. */
async function writeInputs(dir: string): Promise<void> {
  const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
  const start = `TIMESTAMP '2024-05-01 00:00:00'`
  for (const part of [0, 1, 2]) {
    await database.run(
      `COPY (SELECT 'u' || hash(n) % 50 AS "user", (hash(n * 3) % 7)::BIGINT AS shop,
          ${start} + to_seconds((hash(n * 5) % 20000)::BIGINT * 5) AS "at",
          (hash(n * 7) % 1000003) / 977 AS spent
        FROM range(${eventRows}) v(n) WHERE n % 3 = ${part})
        TO '${join(dir, `visits-${part}.parquet`)}' (FORMAT parquet)`,
    )
  }
  for (const [format, rows] of Object.entries(spineRows)) {
    await database.run(
      `COPY (SELECT 'u' || hash(n * 11) % 60 AS "user", (hash(n * 13) % 8)::BIGINT AS shop,
        ${start} + to_seconds((hash(n * 17) % 20000)::BIGINT * 5) AS "at",
        hash(n * 19) / 3.0 AS score, chr((65 + n % 26)::INTEGER) || n AS label
      FROM range(${rows}) v(n))
      TO '${join(dir, `spine-for-${format}.parquet`)}' (FORMAT parquet)`,
    )
  }
  await database.close()
}

test('a set has the same bytes each time, by any number of threads, in any format', async (t) => {
  const dir = await temporaryDirectory(t)
  await writeInputs(dir)
  const catalog = catalogOf(dir)
  const pool = {
    run: (task: never) => runPass(ofSchema(catalog), task),
    close: () => Promise.resolve(),
  }
  for (const ending of Object.keys(spineRows)) {
    const made = new Set<string>()
    for (const threads of [1, 4]) {
      const out = join(dir, `out.${ending}`)
      const spine = join(dir, `spine-for-${ending}.parquet`)
      const asked = { features: [], service: 'both', spine, out, threads }
      const options = resolveTrainingOptions({ ...asked, memoryBytesMax: 2 ** 28 })
      const manifest = await makeTrainingSet({ options, catalog, pool })
      const sha256 = createHash('sha256')
        .update(await readFile(out))
        .digest('hex')
      assert.equal(manifest.out.sha256, sha256)
      made.add(sha256)
    }
    assert.equal(made.size, 1, ending)
  }
})
