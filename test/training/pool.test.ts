/**
 * The threads of training sets: what is wrong comes back as what it is.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { writtenRelation } from '../../src/batch/relation.ts'
import { entity, pushSource, streamFeatureView, aggregate, t as type } from '../../src/index.ts'
import { resolveTrainingOptions } from '../../src/training/options.ts'
import type { PassTask } from '../../src/training/pass.ts'
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

/** A pass whose files are not there. */
function passOf(dir: string): PassTask {
  const none = join(dir, 'none.parquet')
  return {
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
  }
}

test('what a thread is refused has its code on this side, too', async (t) => {
  const dir = await temporaryDirectory(t)
  const pool = openPassPool({ definitionsUrl: null, definitions: [sold] }, { threads: 1 })
  t.after(() => pool.close())
  const refused = pool.run(passOf(dir))
  await assert.rejects(refused, { name: 'MillraceError', code: 'QUERY_FAILED' })
})

test('where one pass fails, those that run are stopped before their threads end', async (t) => {
  const dir = await temporaryDirectory(t)
  const pool = openPassPool({ definitionsUrl: null, definitions: [sold] }, { threads: 2 })
  const failing = passOf(dir)
  // It would take years.
  const setUp = ['SELECT sum(hash(n)) FROM range(1000000000000000) v(n)']
  const endless = pool.run({ ...failing, relation: { ...failing.relation, setUp } })
  const ended = assert.rejects(endless, { message: 'the pass is stopped' })
  await assert.rejects(pool.run(failing), { code: 'QUERY_FAILED' })
  await pool.close()
  await ended
})

test('a set has no more threads than there is memory for', () => {
  const asked = { features: [], service: 's', spine: 's.csv', out: 'o.csv', threads: 16 }
  const threadsOf = (memoryBytesMax: number): number =>
    resolveTrainingOptions({ ...asked, memoryBytesMax }).threads
  assert.deepEqual([2 ** 28, 2 ** 30, 2 ** 33].map(threadsOf), [1, 4, 16])
  assert.throws(() => threadsOf(2 ** 28 - 1), { code: 'CONFIG_INVALID' })
})
