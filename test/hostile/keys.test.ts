/**
 * Keys chosen by somebody who knows the hash, but not the secret of the store, and more keys than
 * anybody needs.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { hashBytes, type HashSeed } from '../../src/base/hash.ts'
import { encodeKey } from '../../src/model/key.ts'
import { shardOf } from '../../src/model/partition.ts'
import { aggregate, entity, pushSource, streamFeatureView, t as type } from '../../src/index.ts'
import { readHttp, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { field } from '../helpers/event-catalog.ts'

const shards = 16
const name = field('name', 'String')

function shardIn(seed: HashSeed, text: string): number {
  const key = encodeKey([name], { name: text }) as Uint8Array
  return shardOf(hashBytes(key, 0, key.length, seed), shards)
}

test('M31: keys that all fall into one shard of one store spread over those of another', () => {
  const known = { k0: 0, k1: 0 }
  const crafted: string[] = []
  for (let n = 0; crafted.length < 1600; n++) {
    if (shardIn(known, `k${n}`) === 0) crafted.push(`k${n}`)
  }
  const counts = Array<number>(shards).fill(0)
  for (const text of crafted) counts[shardIn({ k0: 0x9e3779b9, k1: 0x7f4a7c15 }, text)]! += 1
  assert.ok(Math.max(...counts) < (3 * crafted.length) / shards, counts.join())
})

const noonMs = Date.UTC(2026, 2, 1, 12)
const dayMs = 86_400_000

const clicks = pushSource({
  name: 'clicks',
  schema: { user: type.String(), site: type.Int64(), at: type.Timestamp() },
})
const views = (newKeysPerDay: number) => [
  streamFeatureView({
    name: 'by_user',
    source: clicks,
    entities: [entity({ name: 'user', joinKeys: { user: type.String() } })],
    features: [aggregate('site', 'count', '30d')],
    newKeysPerDay,
  }),
]
const bySite = streamFeatureView({
  name: 'by_site',
  source: clicks,
  entities: [entity({ name: 'site', joinKeys: { site: type.Int64() } })],
  features: [aggregate('user', 'count', '30d')],
})

test('M30: new keys beyond the limit of a day are refused, those there are count', async (t) => {
  const clock = new ManualClock(noonMs)
  const same = { clock, dataDir: await temporaryDir(t) }
  const daemon = await startDaemon(t, { ...same, features: views(100) })
  const click = (n: number) => ({ user: `u${n}`, site: 7, at: clock.nowMs() })
  const from = (first: number, count = 1000) =>
    Array.from({ length: count }, (_, n) => click(first + n))
  const sent = await daemon.ingest('clicks', from(0))
  const codes = new Set(sent.rejected.map(({ code, path }) => `${code} ${path}`))
  assert.deepEqual([...codes], ['EVENT_CARDINALITY '])
  // Four shards have an equal part each, and what a hash needs beyond.
  assert.ok(sent.accepted >= 100 && sent.accepted <= 4 * 55, `${sent.accepted}`)
  const refused = new Set(sent.rejected.map(({ index }) => index))
  const known = [...Array(1000).keys()].filter((n) => !refused.has(n))
  const again = await daemon.ingest('clicks', known.map(click))
  assert.deepEqual(again.rejected, [])
  await daemon.checkpoint()
  const more = await daemon.ingest('clicks', from(1000))
  await daemon.close()

  // What was refused is refused when it is replayed, and another limit is for what comes then.
  const next = await startDaemon(t, { ...same, features: views(500) })
  const countOf = async (n: number) =>
    (await readHttp(next.url, 'by_user', { user: `u${n}` }))[0]!.values['site_count_30d']
  assert.equal(await countOf(known[0]!), '2')
  const late = more.rejected[0]!.index
  assert.equal(await countOf(1000 + late), null)
  assert.equal((await next.ingest('clicks', [click(1000 + late)])).accepted, 1)
  assert.equal((await next.ingest('clicks', from(2000))).rejected.length > 0, true)
  clock.advance(dayMs / 2)
  assert.equal((await next.ingest('clicks', from(3000, 100))).accepted, 100)

  const certificate = await next.verify({ keys: 5000 })
  assert.ok(certificate.isEqual)
  const [view] = certificate.views
  const all = sent.rejected.length + more.rejected.length
  assert.ok(view!.uncertified > all / 2, `${view!.uncertified} of ${view!.keys}`)
})

test('M30: an event whose key is too many for one view counts in others', async (t) => {
  const clock = new ManualClock(noonMs)
  const daemon = await startDaemon(t, { clock, features: [...views(0), bySite] })
  const told = await daemon.ingest('clicks', [{ user: 'u1', site: 7, at: noonMs }])
  assert.deepEqual(told.rejected, [])
  const [row] = await readHttp(daemon.url, 'by_site', { site: 7 })
  assert.equal(row!.values['user_count_30d'], '1')
  const { body } = await daemon.http.inject('/v1/ledger?limit=10')
  const [entry] = (JSON.parse(body) as { entries: Record<string, unknown>[] }).entries
  const { code, path, isPartial, missedBy } = entry!
  const partial = { code: 'EVENT_CARDINALITY', path: '', isPartial: true, missedBy: ['by_user'] }
  assert.deepEqual({ code, path, isPartial, missedBy }, partial)
})
