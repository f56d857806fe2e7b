/**
 * The metrics of a whole daemon: that they follow what happens, and agree with the status.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, systemClock } from '../../src/base/clock.ts'
import { aggregate, entity, pushSource, streamFeatureView, t as type } from '../../src/index.ts'
import { startDaemon } from '../helpers/daemons.ts'

const order = { user_id: 1, store: 'a', at: systemClock.nowMs(), amount: 1 }

interface Metric {
  readonly type: string
  /** By labels, as they are written. */
  readonly samples: ReadonlyMap<string, number>
}

/** Reads the text format of Prometheus, strictly: each metric has a help and a type. */
function parseMetrics(text: string): ReadonlyMap<string, Metric> {
  const metrics = new Map<string, { type: string; samples: Map<string, number> }>()
  const helped = new Set<string>()
  assert.ok(text.endsWith('\n'))
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, kind, named, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (kind === 'HELP') helped.add(named!)
    else if (kind === 'TYPE') metrics.set(named!, { type: rest!, samples: new Map() })
    else {
      const [, name, labels, value] = /^([a-z_]+)(\{[^}]*\})? (\S+)$/.exec(line)!
      const base = name!.replace(/_(bucket|sum|count)$/, '')
      const metric = metrics.get(name!) ?? metrics.get(base)
      assert.ok(metric, `${line} has no type`)
      const suffix = metrics.has(name!) ? '' : name!.slice(base.length)
      metric.samples.set(`${suffix}${labels ?? ''}`, Number(value))
    }
  }
  assert.deepEqual([...metrics.keys()].toSorted(), [...helped].toSorted())
  return metrics
}

test('the metrics follow what becomes of events, and the status has the same', async (t) => {
  const daemon = await startDaemon(t)
  const look = async () => {
    const response = await fetch(`${daemon.url}/metrics`)
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/)
    return parseMetrics(await response.text())
  }
  const before = await look()
  const of = (metrics: typeof before, name: string, labels: string) =>
    metrics.get(name)?.samples.get(labels)
  assert.equal(of(before, 'millrace_events_accepted_total', '{source="orders"}'), 0)
  assert.equal(of(before, 'millrace_view_freshness_seconds', '{view="user_orders"}'), undefined)

  const wrong = { ...order, amount: 'much' }
  await daemon.ingest('orders', [order, wrong, order, { ...order, at: 0 }])
  await daemon.ingest('elsewhere"\n', [order])
  await daemon.get('user_orders', { user_id: 1 })
  await daemon.checkpoint()
  await fetch(`${daemon.url}/v1/features/none`)
  const after = await look()
  const orders = '{source="orders"}'
  assert.equal(of(after, 'millrace_events_accepted_total', orders), 2)
  const code = (name: string) => `{source="orders",code="${name}"}`
  const rejected = 'millrace_events_rejected_total'
  assert.equal(of(after, rejected, code('EVENT_FIELD_TYPE')), 1)
  assert.equal(of(after, rejected, code('EVENT_TOO_LATE')), 1)
  assert.equal(of(after, rejected, '{source="(unknown)",code="SOURCE_UNKNOWN"}'), 1)
  assert.ok(of(after, 'millrace_view_freshness_seconds', '{view="user_orders"}')! < 3600)
  assert.equal(of(after, 'millrace_view_keys', '{view="user_orders"}'), 1)
  assert.equal(of(after, 'millrace_view_tiles', '{view="user_orders"}'), 2)
  assert.ok(of(after, 'millrace_view_tile_bytes', '{view="user_orders"}')! > 0)
  assert.equal(of(after, 'millrace_read_seconds', '_count{service="user_orders"}'), 1)
  assert.equal(of(after, 'millrace_batch_seconds', '_count'), 2)
  assert.ok(of(after, 'millrace_journal_flush_seconds', '_count')! >= 1)
  assert.ok(of(after, 'millrace_checkpoint_seconds', '_count{lane="0"}')! >= 1)
  assert.equal(of(after, 'millrace_lane_mailbox_messages', '{lane="0"}'), 0)
  const missing = '{route="/v1/features/:name",status="404"}'
  assert.equal(of(after, 'millrace_http_requests_total', missing), 1)
  assert.equal(of(after, 'millrace_connections', ''), 0)

  const { body } = await daemon.http.inject('/v1/status')
  const status = JSON.parse(body) as {
    sources: Record<string, { bytes: number; accepted: number; rejected: object }>
    journal: { start: number; end: number }
  }
  const { accepted, bytes, rejected: codes } = status.sources['orders']!
  assert.equal(of(after, 'millrace_event_bytes_total', orders), bytes)
  assert.deepEqual(
    { accepted, codes },
    {
      accepted: 2,
      codes: { EVENT_FIELD_TYPE: 1, EVENT_TOO_LATE: 1 },
    },
  )
  const { start, end } = status.journal
  assert.equal(of(after, 'millrace_journal_bytes', ''), end - start)
})

test('the offline log and verification, which repeats by itself, have their numbers', async (t) => {
  const clock = new ManualClock(order.at)
  const visits = pushSource({
    name: 'visits',
    offline: true,
    schema: { page: type.String(), at: type.Timestamp() },
  })
  const pages = streamFeatureView({
    name: 'pages',
    source: visits,
    entities: [entity({ name: 'page', joinKeys: { page: type.String() } })],
    features: [aggregate('page', 'count', '1h')],
  })
  const daemon = await startDaemon(t, { features: [pages], clock, verifyMs: 50 })
  const look = async () => parseMetrics(await (await fetch(`${daemon.url}/metrics`)).text())
  const before = await look()
  assert.equal(before.get('millrace_verification_age_seconds')!.samples.size, 0)
  await daemon.ingest('visits', [
    { page: 'a', at: order.at },
    { page: 'b', at: order.at },
  ])
  const written = (await look()).get('millrace_offline_rows')!.samples.get('')
  assert.equal(written, 0)
  await daemon.writeOffline()
  const of = (metrics: typeof before, name: string, labels = '') =>
    metrics.get(`millrace_${name}`)!.samples.get(labels)
  const values = '{view="pages",outcome="equal"}'
  let after = before
  while (of(after, 'verification_values', values) !== 2) after = await look()
  assert.equal(of(after, 'offline_rows'), 2)
  assert.equal(of(after, 'offline_lag_bytes'), 0)
  assert.equal(of(after, 'offline_position'), of(after, 'journal_bytes'))
  assert.equal(of(after, 'offline_gaps'), 0)
  assert.equal(of(after, 'offline_failing'), 0)
  assert.ok(of(after, 'verifications_total', '{outcome="equal"}')! >= 1)
  assert.equal(of(after, 'verifications_total', '{outcome="failed"}'), 0)
  assert.equal(of(after, 'verification_events'), 2)
  clock.advance(60_000)
  // One that has begun before may end now.
  assert.ok([0, 60].includes(of(await look(), 'verification_age_seconds')!))
  const { offline } = JSON.parse((await daemon.http.inject('/v1/status')).body) as {
    offline: { rows: number; exported: number }
  }
  assert.equal(offline.exported, of(after, 'offline_position'))
})

test('metrics are named and typed by the conventions of Prometheus', async (t) => {
  const daemon = await startDaemon(t)
  const { body } = await daemon.http.inject('/metrics')
  for (const [name, { type }] of parseMetrics(body)) {
    assert.match(name, /^(?:millrace|process)_[a-z_]+[a-z]$/)
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    if (type === 'histogram') assert.ok(name.endsWith('_seconds'), name)
  }
})
