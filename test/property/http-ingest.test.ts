/**
 * The same events over HTTP and over a WebSocket, for definitions made at random: the values are
 * the same, and those of the naive oracle.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../src/base/clock.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { aggregate, entity, last, pushSource, streamFeatureView, t } from '../../src/index.ts'
import { createEncoder, MsgpackTimestamp } from '../../src/model/msgpack.ts'
import { sawtoothTileMs } from '../../src/model/tiles.ts'
import { formatTimestamp } from '../../src/model/timestamp.ts'
import { toJson } from '../../src/serve/json.ts'
import { connect, readHttp, startDaemon } from '../helpers/daemons.ts'
import { oracle, type OracleEvent } from '../helpers/oracle.ts'

const nowMs = Date.UTC(2026, 2, 1, 12)
const nowNs = BigInt(nowMs) * 1_000_000n
const users = ['a', 'ü', 'c"\\']

interface Event {
  readonly user: string
  readonly agoNs: bigint
  readonly count: bigint | null
  readonly amount: number | null
}

const event: fc.Arbitrary<Event> = fc.record({
  user: fc.constantFrom(...users),
  agoNs: fc.bigInt({ min: 0n, max: 2n * 3_600_000_000_000n - 1n }),
  count: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  amount: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
})

const functions = ['count', 'sum', 'min', 'max', 'first', 'last', last(3)] as const
const columns = ['count', 'amount'] as const
const windows = ['1h', '2h'] as const

const feature = fc.record({
  column: fc.constantFrom(...columns),
  fn: fc.constantFrom(...functions),
  window: fc.constantFrom(...windows),
})

const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
const source = pushSource({
  name: 'events',
  schema: {
    user_id: t.String(),
    at: t.Timestamp(),
    count: t.nullable(t.Int64()),
    amount: t.nullable(t.Float64()),
  },
})

const definition = fc
  .record({
    mode: fc.constantFrom('sawtooth', 'continuous', 'interval'),
    features: fc.array(feature, { minLength: 1, maxLength: 6 }),
  })
  .map(({ mode, features }) => {
    // Its window takes every event.
    const all = aggregate('at', 'count', '2h', { name: 'all' })
    const named = features.map(({ column, fn, window }, n) =>
      aggregate(column, fn, window, { name: `f${n}` }),
    )
    const how = mode === 'interval' ? { mode, aggregationInterval: '5m' as const } : { mode }
    const common = { source, entities: [user], features: [all, ...named] } as const
    return (name: string) => streamFeatureView({ ...how, ...common, name })
  })

/** How one batch goes over HTTP. */
const forms = ['json', 'ndjson', 'msgpack', 'ingest', 'push'] as const
type Form = (typeof forms)[number]

const story = fc.record({
  /** Many at a time: what takes long is to start a daemon. */
  views: fc.array(definition, { minLength: 10, maxLength: 10 }),
  batches: fc.array(
    fc.record({
      form: fc.constantFrom(...forms),
      events: fc.array(event, { minLength: 1, maxLength: 8 }),
    }),
    { minLength: 12, maxLength: 20 },
  ),
})

const encoder = createEncoder()
const timeOf = ({ agoNs }: Event): string => formatTimestamp(nowNs - agoNs)

/** A number of JSON with all its digits. */
const int = (value: bigint | null): string => String(value)

const jsonOf = (one: Event): string =>
  `{"user_id":${JSON.stringify(one.user)},"at":"${timeOf(one)}",` +
  `"count":${int(one.count)},"amount":${JSON.stringify(one.amount)}}`

function wireOf({ user, agoNs, count, amount }: Event): Record<string, unknown> {
  return { user_id: user, at: new MsgpackTimestamp(nowNs - agoNs), count, amount }
}

interface HttpRequest {
  readonly path: string
  readonly type: string
  readonly body: string | Uint8Array
}

const requests: Readonly<Record<Form, (events: readonly Event[]) => HttpRequest>> = {
  json: (events) => native('json', `[${events.map(jsonOf).join(',')}]`),
  ndjson: (events) => native('x-ndjson', events.map(jsonOf).join('\n')),
  msgpack: (events) => native('msgpack', encoder.encode(events.map(wireOf))),
  ingest: (events) => {
    const records = events.map((one) => `{"record":${jsonOf(one)}}`).join(',')
    const body = `{"workspace_name":"w","records":{"events":[${records}]},"dry_run":false}`
    return { path: '/ingest', type: 'text/plain', body }
  },
  push: (events) => {
    const list = (of: (one: Event) => string): string => `[${events.map(of).join(',')}]`
    const df = [
      `"user_id":${list((one) => JSON.stringify(one.user))}`,
      `"at":${list((one) => `"${timeOf(one)}"`)}`,
      `"count":${list(({ count }) => int(count))}`,
      `"amount":${list(({ amount }) => JSON.stringify(amount))}`,
    ].join(',')
    const body = `{"df":{${df}},"push_source_name":"events"}`
    return { path: '/push', type: 'application/json', body }
  },
}

function native(type: string, body: string | Uint8Array): HttpRequest {
  return { path: '/v1/events/events', type: `application/${type}`, body }
}

type Story = typeof story extends fc.Arbitrary<infer S> ? S : never

async function play(t: TestContext, { views, batches }: Story): Promise<void> {
  const features = [user, source, ...views.map((create, n) => create(`view${n}`))]
  const start = () => startDaemon(t, { features, clock: new ManualClock(nowMs), shards: 2 })
  const [overHttp, overWire] = await Promise.all([start(), start()])
  const client = connect(t, overWire.url)
  for (const { form, events } of batches) {
    const { path, type, body } = requests[form](events)
    const headers = { 'content-type': type }
    const response = await fetch(overHttp.url + path, { method: 'POST', headers, body })
    assert.equal(response.status, 200, await response.text())
    await client.publish(
      'events',
      events.map((one) => ({ ...wireOf(one), at: timeOf(one) })),
    )
  }
  const keys = users.map((user_id) => ({ user_id }))
  const events = batches.flatMap((batch) => batch.events.map(eventOf))
  for (const view of buildCatalog(features).views) {
    const rows = await readHttp(overHttp.url, view.name, ...keys)
    assert.deepEqual(rows, await readHttp(overWire.url, view.name, ...keys))
    for (const [n, key] of users.entries()) {
      const expected = oracle(events, view, key, nowNs, sawtoothTileMs)
      const written = expected.map((value, f) => toJson(view.features[f]!.type, value ?? null))
      assert.deepEqual(Object.values(rows[n]!.values), written)
    }
  }
  await Promise.all([client.close(), overHttp.close(), overWire.close()])
}

/** An event as the oracle takes it. */
function eventOf({ user: key, agoNs, count, amount }: Event): OracleEvent {
  const timeNs = nowNs - agoNs
  // −0 becomes 0.
  return { key, timeNs, row: { at: timeNs, count, amount: amount && amount + 0 } }
}

test('events over HTTP count as over a WebSocket, and as the oracle counts them', async (t) => {
  await fc.assert(
    fc.asyncProperty(story, (one) => play(t, one)),
    { seed: 21, numRuns: 2, endOnFailure: true, includeErrorInReport: true },
  )
})
