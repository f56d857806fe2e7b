import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { manifestBefore, settleDefinitions, type Settled } from '../../src/daemon/definitions.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import {
  aggregate,
  entity,
  pushSource,
  startMillrace,
  streamFeatureView,
  t,
} from '../../src/index.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

interface Variant {
  readonly column?: 'Int64' | 'Int32'
  readonly window?: '1h' | '2h'
  readonly name?: string
  readonly owner?: string
  readonly online?: boolean
  readonly newKeysPerDay?: number
  readonly timestampField?: 'at' | 'sent'
}

/** A source and a view over it, with something changed. */
function definitionsOf(variant: Variant = {}, more: readonly unknown[] = []): readonly unknown[] {
  const { column = 'Int64', window = '1h', name = 'clicks', owner = 'ads', online = true } = variant
  const { newKeysPerDay = 100 } = variant
  const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
  const source = pushSource({
    name: 'impressions',
    owner,
    schema: {
      user_id: t.String(),
      at: t.Timestamp(),
      sent: t.Timestamp(),
      clicked: t[column](),
    },
    timestampField: variant.timestampField ?? 'at',
  })
  const view = streamFeatureView({
    name,
    owner,
    online,
    newKeysPerDay,
    source,
    entities: [user],
    features: [aggregate('clicked', 'sum', window)],
  })
  return [view, ...more]
}

const options = { shards: 8, journalEnd: 500, retained: null, nowMs: 1_000_000, dropMissing: false }

const settle = (variant: Variant, before: ReturnType<typeof settleDefinitions> | null = null) =>
  settleDefinitions(buildCatalog(definitionsOf(variant)), before?.manifest ?? null, options)

test('a new store has a secret of its own, and every view is new in it', () => {
  const { manifest, viewIds, added } = settle({})
  assert.deepEqual(added, ['clicks'])
  assert.deepEqual(viewIds, [0])
  assert.equal(manifest.shards, 8)
  assert.notDeepEqual(manifest.seed, settle({}).manifest.seed)
})

test('the same definitions go on with the store as it is', () => {
  const before = settle({})
  const after = settleDefinitions(buildCatalog(definitionsOf()), before.manifest, {
    ...options,
    shards: 99,
    journalEnd: 900,
  })
  assert.deepEqual(after.manifest, before.manifest)
  assert.deepEqual(after.added, [])
})

test('an owner may change', () => {
  const before = settle({})
  assert.deepEqual(settle({ owner: 'others' }, before).manifest, before.manifest)
})

test('another limit of new keys is for what is journalled from now on', () => {
  const limitsAt = (newKeysPerDay: number, journalEnd: number, before: Settled | null): Settled =>
    settleDefinitions(buildCatalog(definitionsOf({ newKeysPerDay })), before?.manifest ?? null, {
      ...options,
      shards: 1,
      journalEnd,
    })
  const first = limitsAt(7, 0, null)
  assert.deepEqual(first.keyLimits, [[{ since: 0, max: 7 }]])
  const same = limitsAt(7, 300, first)
  assert.deepEqual(same.keyLimits, first.keyLimits)
  const second = limitsAt(9, 500, same)
  assert.deepEqual(second.keyLimits, [[...first.keyLimits[0]!, { since: 500, max: 9 }]])
  const unmet = limitsAt(8, 500, second)
  assert.deepEqual(unmet.keyLimits, [[...first.keyLimits[0]!, { since: 500, max: 8 }]])
  assert.deepEqual(limitsAt(7, 500, unmet).keyLimits, first.keyLimits)
})

test('a view that was offline for a while counts afresh, under a number of its own', () => {
  const offline = settle({ online: false }, settle({}))
  assert.deepEqual(offline.manifest.views, {})
  const again = settle({}, offline)
  assert.deepEqual(again.viewIds, [1])
  assert.deepEqual(again.viewsSince, [500])
})

test('what is gone is dropped when that is asked for, and its number is not used again', () => {
  const catalog = buildCatalog(definitionsOf({ name: 'views' }))
  const after = settleDefinitions(catalog, settle({}).manifest, { ...options, dropMissing: true })
  assert.deepEqual([after.dropped, after.added, after.viewIds], [['clicks'], ['views'], [1]])
})

test('a start that failed is taken back, unless it has given up state', () => {
  const first = settle({})
  assert.deepEqual(manifestBefore(null, first)?.views, {})
  assert.equal(manifestBefore(null, first)?.nextViewId, 1)
  assert.equal(manifestBefore(first.manifest, settle({ online: false }, first)), null)
  assert.equal(manifestBefore(first.manifest, null), null)
})

test('a view that means something else is refused, by its name and by what has changed', () => {
  const before = settle({})
  assert.throws(() => settle({ window: '2h' }, before), {
    code: 'DEFINITION_CHANGED',
    message: /^view "clicks" differs .*clicked_sum_1h is gone.*clicked_sum_2h is new/,
  })
})

test('a source that means something else is refused, by its name and by what has changed', () => {
  const before = settle({})
  assert.throws(() => settle({ column: 'Int32' }, before), {
    code: 'DEFINITION_CHANGED',
    message: /^source "impressions" differs .*clicked\.type: Int64 → Int32/,
  })
  assert.throws(() => settle({ timestampField: 'sent' }, before), {
    code: 'DEFINITION_CHANGED',
    message: /timestampField: at → sent/,
  })
})

test('a view that is gone is refused', () => {
  assert.throws(() => settle({ name: 'views' }, settle({})), {
    code: 'DEFINITION_MISSING',
    message: /^view "clicks" is in this store/,
  })
})

test('an added view gets a number that no view had', () => {
  const first = settle({})
  const [view] = definitionsOf() as [
    { readonly source: never; readonly entities: readonly never[] },
  ]
  const added = streamFeatureView({
    name: 'a_first',
    source: view.source,
    entities: view.entities,
    features: [{ ...aggregate('clicked', 'max', '1h') }] as never,
  })
  const second = settleDefinitions(buildCatalog([view, added]), first.manifest, options)
  assert.deepEqual(second.added, ['a_first'])
  assert.equal(second.manifest.views['clicks']!.id, 0)
  assert.equal(second.manifest.views['a_first']!.id, 1)
})

test('an added view is to count the journal, under another number each time', () => {
  const retained = { start: 200, firstArrivalMs: 50 }
  const first = settleDefinitions(buildCatalog(definitionsOf()), null, { ...options, retained })
  assert.deepEqual(first.catchingUp, [], 'there was no such source')
  const [view] = definitionsOf() as [{ readonly source: never; readonly entities: never }]
  const features = [{ ...aggregate('clicked', 'max', '1h') }] as never
  const { source, entities } = view
  const added = streamFeatureView({ name: 'later', source, entities, features })
  const catalog = buildCatalog([view, added])
  const second = settleDefinitions(catalog, first.manifest, { ...options, retained })
  const place = catalog.views.findIndex(({ name }) => name === 'later')
  assert.deepEqual([second.catchingUp, second.viewsSince[place]], [[place], 200])
  // It was interrupted, and some of the journal has gone meanwhile.
  const later = { ...options, retained: { start: 300, firstArrivalMs: 60 } }
  const third = settleDefinitions(catalog, second.manifest, later)
  assert.deepEqual([third.catchingUp, third.viewsSince[place]], [[place], 300])
  assert.deepEqual([second.viewIds[place], third.viewIds[place]], [1, 2])
  const last = settleDefinitions(catalog, third.manifest, options)
  assert.deepEqual([last.catchingUp, last.viewsSince[place]], [[], 500])
})

test('a daemon refuses a store of other definitions and leaves it as it was', async (context) => {
  const dataDir = await temporaryDirectory(context)
  const clock = new ManualClock(Date.UTC(2024, 0, 1))
  const started = { features: definitionsOf(), dataDir, shards: 2, clock }
  const first = await startMillrace(started)
  const at = new Date(clock.nowMs())
  await first.ingest('impressions', [{ user_id: 'u', at, sent: at, clicked: 1 }])
  await first.drain()
  await assert.rejects(startMillrace({ ...started, features: definitionsOf({ window: '2h' }) }), {
    code: 'DEFINITION_CHANGED',
  })
  const again = await startMillrace(started)
  const { values } = await again.get('clicks', { user_id: 'u' })
  assert.deepEqual(values, { clicked_sum_1h: 1n })
  await again.close()
})
