/**
 * The threads of training sets: what is wrong comes back as what it is.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { writtenRelation } from '../../src/batch/relation.ts'
import { entity, pushSource, streamFeatureView, aggregate, t as type } from '../../src/index.ts'
import { openPassPool } from '../../src/training/pool.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const sold = streamFeatureView({
  name: 'sold',
  source: pushSource({
    name: 'sales',
    schema: { till: type.String(), at: type.Timestamp(), amount: type.Int64() },
    timestampField: 'at',
  }),
  entities: [entity({ name: 'till', joinKeys: { till: type.String() } })],
  features: [aggregate('amount', 'sum', '1d')],
})

test('what a thread is refused has its code on this side, too', async (t) => {
  const dir = await temporaryDirectory(t)
  const pool = openPassPool({ definitionsUrl: null, definitions: [sold] }, { threads: 1 })
  t.after(() => pool.close())
  const none = join(dir, 'none.parquet')
  const refused = pool.run({
    route: 0,
    part: 0,
    parts: 1,
    memoryBytesMax: 2 ** 28,
    relation: writtenRelation(none),
    as: 'event-time',
    lastNs: 0n,
    seed: { k0: 1, k1: 2 },
    keysFile: none,
    spineFile: none,
    asked: [],
    outFile: join(dir, 'out.parquet'),
  })
  await assert.rejects(refused, { name: 'MillraceError', code: 'QUERY_FAILED' })
})
