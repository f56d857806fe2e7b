import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MillraceError } from '../../src/base/errors.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { aggregate, entity, pushSource, streamFeatureView, t } from '../../src/index.ts'
import { disorderMs, keyText } from '../../src/load/patch.ts'
import { seedFor } from '../../src/load/random.ts'
import { targetOf } from '../../src/load/target.ts'
import { createWorkload, type Workload } from '../../src/load/workload.ts'
import { convertEvent, type Problem } from '../../src/model/convert.ts'
import { createDecoder, eventMsgpackLimits } from '../../src/model/msgpack.ts'
import { decodeClientFrame } from '../../src/wire/protocol.ts'
import { eventBytesOf, eventsOf, frameIn, messageOf } from '../helpers/load-messages.ts'

const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
const account = entity({ name: 'account', joinKeys: { account: t.Int64(), trial: t.Bool() } })
const item = entity({ name: 'item', joinKeys: { item: t.Int32() } })

/** Every type, and every role that a field has. */
const clicks = pushSource({
  name: 'clicks',
  schema: {
    id: t.String(),
    user_id: t.String(),
    account: t.Int64(),
    trial: t.Bool(),
    item: t.Int32(),
    at: t.Timestamp(),
    seen: t.nullable(t.Timestamp()),
    amount: t.nullable(t.Float64()),
    weight: t.Float32(),
    clicked: t.Int64(),
    campaign: t.Int32(),
    country: t.String(),
    mobile: t.Bool(),
    tags: t.Array(t.nullable(t.String())),
    shop: t.Struct({ name: t.String(), since: t.Timestamp(), rates: t.Map(t.Float64()) }),
    extra: t.Map(t.Array(t.Int64())),
  },
  timestampField: 'at',
  dedupe: { by: 'event-id', field: 'id', horizon: '1d' },
})
const views = [[user], [account], [item]].map((entities, n) =>
  streamFeatureView({
    name: `clicks_${n}`,
    source: clicks,
    entities,
    features: [aggregate('clicked', 'sum', '1h')],
  }),
)
const target = targetOf(buildCatalog(views), undefined)
const nowMs = 1_700_000_000_123
const options = { target, keys: 1000, zipf: 0, frameEvents: 20, seed: 3, startMs: nowMs }

for (const frameEvents of [1, 2, 20, 1000]) {
  test(`a message of ${frameEvents} holds the events that the workload tells`, () => {
    const workload = createWorkload({ ...options, frameEvents })
    const sequence = 2 ** 32 + 5
    const frame = decodeClientFrame(frameIn(messageOf(workload, 9, sequence, nowMs)))
    assert.ok(frame?.kind === 'publish')
    assert.deepEqual([frame.source, frame.sequence, frame.count], ['clicks', sequence, frameEvents])
    for (const [index, event] of eventsOf(workload, 9, nowMs).entries()) {
      const key = workload.keyOf(9, index)
      assert.equal(event['user_id'], keyText('user_id', key))
      assert.equal(event['account'], key)
      assert.equal(event['trial'], key % 2 === 1)
      assert.equal(event['item'], key)
      assert.equal((event['at'] as Date).getTime(), nowMs)
      assert.equal((event['seen'] as Date).getTime(), nowMs)
      for (const field of ['amount', 'weight', 'clicked', 'campaign', 'country', 'tags']) {
        assert.deepEqual(event[field], workload.valueOf(field, 9, index), field)
      }
    }
  })
}

test('events are what the schema of their source takes, and differ in every field', () => {
  const workload = createWorkload({ ...options, frameEvents: 100 })
  const decoder = createDecoder(eventMsgpackLimits)
  const seen = new Map<string, Set<string>>()
  for (const bytes of eventBytesOf(workload, 0, nowMs)) {
    const problems: Problem[] = []
    const event = convertEvent(target.fields, decoder.decode(bytes) as object as never, problems)
    assert.deepEqual(problems, [])
    for (const [name, value] of Object.entries(event)) {
      const text = JSON.stringify(value, (_, each: unknown) =>
        each instanceof Map ? [...each] : typeof each === 'bigint' ? String(each) : each,
      )
      seen.set(name, (seen.get(name) ?? new Set()).add(text))
    }
  }
  for (const { name } of target.fields) assert.ok(seen.get(name)!.size > 1, name)
  assert.ok(seen.get('amount')!.has('null'))
})

test('the same seed gives the same events, another seed others', () => {
  const [a, b, c] = [3, 3, 4].map((seed) =>
    eventsOf(createWorkload({ ...options, seed }), 5, nowMs),
  )
  assert.deepEqual(a, b)
  assert.notDeepEqual(a, c)
})

test('event ids are different in every event, and in every run', () => {
  const idsOf = (workload: Workload) =>
    [0, 1, 2000].flatMap((n) => eventsOf(workload, n, nowMs).map(({ id }) => id))
  const ids = idsOf(createWorkload(options))
  const later = idsOf(createWorkload({ ...options, startMs: nowMs + 1 }))
  assert.equal(new Set([...ids, ...later]).size, 2 * 3 * 20)
})

for (const type of [t.Int64(), t.Int32()]) {
  test(`an event id may be an ${type.millrace.kind}`, () => {
    const source = pushSource({
      name: 'a',
      schema: { user_id: t.String(), id: type, at: t.Timestamp() },
      timestampField: 'at',
      dedupe: { by: 'event-id', field: 'id', horizon: '1d' },
    })
    const view = { name: 'v', source, entities: [user] }
    const features = [aggregate('user_id', 'count', '1h')]
    const catalog = buildCatalog([streamFeatureView({ ...view, features })])
    const workload = createWorkload({ ...options, target: targetOf(catalog, 'a') })
    const decoder = createDecoder(eventMsgpackLimits)
    const ids = [0, 1].flatMap((n) =>
      eventBytesOf(workload, n, nowMs).map((bytes) =>
        BigInt((decoder.decode(bytes) as { id: number | bigint }).id),
      ),
    )
    assert.equal(new Set(ids).size, 40)
    const bits = type.millrace.kind === 'Int64' ? 63 : 31
    assert.ok(ids.every((id) => id >= 0n && id < 2n ** BigInt(bits)))
  })
}

test('so many event times lie back, by any time up to the greatest', () => {
  const disorder = { share: 0.25, msMax: 60_000 }
  const workload = createWorkload({ ...options, frameEvents: 1000, disorder })
  const events = [0, 1, 2, 3].flatMap((n) => eventsOf(workload, n, nowMs))
  const seed = seedFor(3, 'disorder')
  const backMs = events.map(({ at }) => nowMs - (at as Date).getTime())
  assert.deepEqual(
    backMs,
    backMs.map((_, i) => disorderMs({ ...disorder, seed }, i)),
  )
  const late = backMs.filter((ms) => ms > 0)
  assert.ok(Math.abs(late.length / events.length - 0.25) < 0.03, String(late.length))
  assert.ok(late.every((ms) => ms <= 60_000))
  const mean = late.reduce((sum, ms) => sum + ms, 0) / late.length
  assert.ok(Math.abs(mean - 30_000) < 2000, String(mean))
})

test('events of a frame are 99 ns apart, those that lie back, too', () => {
  for (const share of [0, 0.5]) {
    const workload = createWorkload({ ...options, disorder: { share, msMax: 1000 } })
    const decoder = createDecoder(eventMsgpackLimits)
    const times = eventBytesOf(workload, 0, nowMs).map((bytes) => {
      return (decoder.decode(bytes) as { at: { ns: bigint } }).at.ns
    })
    times.forEach((ns, index) => assert.equal(ns % 1_000_000n, BigInt(99 * index)))
  }
})

test('so many frames are sent twice', () => {
  const workload = createWorkload({ ...options, duplicates: 0.1 })
  const frames = Array.from({ length: 10_000 }, (_, n) => n)
  const twice = frames.filter((n) => workload.isRepeated(n)).length
  assert.ok(Math.abs(twice - 1000) < 100, String(twice))
  const none = createWorkload(options)
  assert.ok(!frames.some((n) => none.isRepeated(n)))
})

test('a fixed value is the same in every event, whatever the field is for', () => {
  const fixed = { amount: 12.5, user_id: 'u1', at: '2024-05-01T12:00:00Z' }
  const workload = createWorkload({
    ...options,
    target: targetOf(buildCatalog(views), 'clicks', fixed),
  })
  for (const event of eventsOf(workload, 1, nowMs)) {
    const { amount, user_id, at } = event
    assert.deepEqual({ amount, user_id, at }, fixed)
  }
})

test('a source that there is not, and a value that does not fit, are refused', () => {
  const catalog = buildCatalog(views)
  const refuses = (reason: RegExp, ...args: [string | undefined, object?]) => {
    const [name, fixed] = args
    assert.throws(() => targetOf(catalog, name, fixed as never), reason)
  }
  refuses(/no push source is named "nothing"/, 'nothing')
  refuses(/--fixed: \/amount: expected Float64, got string/, 'clicks', { amount: 'x' })
  refuses(/--fixed: \/price: field is not in the schema/, 'clicks', { price: 1 })
  const other = pushSource({ name: 'other', schema: { at: t.Timestamp() }, timestampField: 'at' })
  assert.throws(() => targetOf(buildCatalog([...views, other]), undefined), {
    message: '--source is one of clicks, other',
  })
})

test('raw events of a source with a post-processor are of its input schema', () => {
  const source = pushSource({
    name: 'raw',
    inputSchema: { user_id: t.String(), seconds: t.Int64() },
    postProcessor: ({ user_id, seconds }) => ({ user_id, at: seconds * 1_000_000_000n }),
    schema: { user_id: t.String(), at: t.Timestamp() },
    timestampField: 'at',
  })
  const target = targetOf(buildCatalog([source]), 'raw', { seconds: 1_700_000_000 })
  const [event] = eventsOf(createWorkload({ ...options, target }), 0, nowMs)
  assert.deepEqual(Object.keys(event!), ['user_id', 'seconds'])
  assert.equal(event!['seconds'], 1_700_000_000)
})

test('a frame that no server takes is refused before anything is sent', () => {
  const source = pushSource({
    name: 'wide',
    schema: { text: t.String(), at: t.Timestamp() },
    timestampField: 'at',
  })
  const target = targetOf(buildCatalog([source]), 'wide', { text: 'x'.repeat(5000) })
  assert.throws(
    () => createWorkload({ ...options, target, frameEvents: 1000 }),
    (error: MillraceError) =>
      error.code === 'CONFIG_INVALID' && error.message.startsWith('--frame: '),
  )
})
