/**
 * The platform's Metrics API: its names, and numbers that follow what is asked in its dialect.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { platformWorkspaceLengthMax, platformWorkspacesMax } from '../../src/base/http-limits.ts'
import { PlatformMeter } from '../../src/compat/tecton/meter.ts'
import { RecentCounts, RecentTimes } from '../../src/compat/tecton/recent.ts'
import { startPlatform, type Platform } from '../helpers/platform.ts'

const path = '/api/v1/observability/metrics'
const getFeatures = '/api/v1/feature-service/get-features'
const noon = '2026-03-01T12:00:00Z'

interface Metric {
  readonly type: string
  /** By what stands behind the name. */
  readonly samples: ReadonlyMap<string, number>
}

/** Reads OpenMetrics strictly: the metrics one after another, each with a type and a help. */
function parseOpenMetrics(text: string): ReadonlyMap<string, Metric> {
  const metrics = new Map<string, { type: string; samples: Map<string, number> }>()
  const lines = text.split('\n')
  assert.deepEqual(lines.splice(-2), ['# EOF', ''])
  let current = ''
  for (const line of lines) {
    const [, kind, named, rest] = /^# (TYPE|HELP) (\w+) (.+)$/.exec(line) ?? []
    if (kind === 'TYPE') {
      assert.ok(!metrics.has(named!), line)
      current = named!
      metrics.set(current, { type: rest!, samples: new Map() })
    } else if (kind === 'HELP') assert.equal(named, current)
    else {
      const [, name, labels = '', value] =
        /^(\w+)(\{\w+="[^"\\]*"(?:,\w+="[^"\\]*")*\})? (\S+)$/.exec(line)!
      assert.ok(name!.startsWith(current), line)
      metrics.get(current)!.samples.set(name!.slice(current.length) + labels, Number(value))
    }
  }
  return metrics
}

async function look({ url }: Platform): Promise<ReadonlyMap<string, Metric>> {
  const response = await fetch(url + path)
  assert.equal(response.status, 200)
  const type = response.headers.get('content-type')
  assert.equal(type, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  return parseOpenMetrics(await response.text())
}

test('the metrics have the names and types of the platform', async (t) => {
  const metrics = await look(await startPlatform(t, noon))
  assert.deepEqual(
    [...metrics].map(([name, { type }]) => `${name} ${type}`),
    [
      'feature_service_requests_total_rate gauge',
      'feature_service_requests_rate gauge',
      'feature_service_total_latency summary',
      'feature_service_latency summary',
      'feature_server_errors_rate gauge',
      'feature_server_utilization gauge',
      'feature_server_average_utilization gauge',
      'feature_server_minimum_utilization gauge',
      'online_store_p99_latency_seconds gauge',
      'stream_ingestapi_request_rate gauge',
      'stream_ingestapi_request_processing_latency summary',
      'stream_ingestapi_request_processing_error_rate gauge',
      'stream_ingestapi_online_store_write_rate gauge',
      'stream_ingestapi_offline_store_write_rate gauge',
    ],
  )
})

test('reads are told as a rate, by service, and how many of them were refused', async (t) => {
  const platform = await startPlatform(t, noon)
  const params = { workspaceName: 'w', featureServiceName: 'fs' }
  const key = { cust_id: '1', merchant_id: '7' }
  const answers = [
    await platform.post(getFeatures, { params: { ...params, joinKeyMap: key } }),
    await platform.post(`${getFeatures}-batch`, {
      params: { ...params, requestData: [{ joinKeyMap: key }] },
    }),
    await platform.post(getFeatures, { params: { ...params, joinKeyMap: {} } }),
    await platform.post(getFeatures, { params: { ...params, featureServiceName: 'none' } }),
    // Not a read.
    await platform.post('/api/v1/feature-service/metadata', { params }),
  ]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 400, 404, 200],
  )
  const metrics = await look(platform)
  const of = (name: string) => Object.fromEntries(metrics.get(name)!.samples)
  assert.deepEqual(of('feature_service_requests_total_rate'), { '': 4 / 270 })
  const [labels] = Object.keys(of('feature_service_requests_rate'))
  assert.match(labels!, /^\{feature_service_id="[0-9a-f]{32}",feature_service_name="fs"\}$/)
  assert.deepEqual(of('feature_service_requests_rate'), { [labels!]: 3 / 270 })
  assert.deepEqual(of('feature_server_errors_rate'), {
    '{status="400"}': 25,
    '{status="404"}': 25,
  })
  assert.equal(of('feature_service_latency')[`_count${labels}`], 3)
  const total = of('feature_service_total_latency')
  assert.equal(total['_count'], 4)
  const [p50, p99] = [total['{quantile="0.5"}']!, total['{quantile="0.99"}']!]
  assert.ok(p50 > 0 && p50 <= p99 && p99 <= total['_sum']! * 1.05)

  platform.clock.advance(300_000)
  const later = await look(platform)
  const then = (name: string) => [...later.get(name)!.samples.values()]
  assert.deepEqual(then('feature_service_requests_rate'), [0], 'five minutes are over')
  assert.deepEqual(then('feature_server_errors_rate'), [0, 0])
  assert.deepEqual(then('feature_service_total_latency').slice(0, 4), [NaN, NaN, NaN, NaN])
  assert.equal(later.get('feature_service_total_latency')!.samples.get('_count'), 4)
})

test('what is ingested is told as requests, refusals, and rows of each view', async (t) => {
  const platform = await startPlatform(t, noon)
  const record = {
    user_id: 'u1',
    cust_id: 1,
    merchant_id: 7,
    transaction_id: 't',
    timestamp: '2026-03-01T11:50:00Z',
    amt: 5,
  }
  const request = (more: object, dry_run = false) => {
    const records = { transactions: [{ record: { ...record, ...more } }, { record }] }
    return platform.post('/ingest', { workspace_name: 'w', dry_run, records })
  }
  assert.equal((await request({})).status, 200)
  assert.equal((await request({}, true)).status, 200)
  assert.equal((await request({ amt: 'much' })).status, 400)
  const metrics = await look(platform)
  const of = (name: string) => Object.fromEntries(metrics.get(`stream_ingestapi_${name}`)!.samples)
  assert.deepEqual(of('request_rate'), { '': 3 / 270 })
  assert.equal(of('request_processing_latency')['_count'], 3)
  assert.deepEqual(of('request_processing_error_rate'), {
    '{error_code="4xx"}': 1 / 270,
    '{error_code="5xx"}': 0,
  })
  const rows = Object.entries(of('online_store_write_rate'))
  const spending = rows.filter(([labels]) =>
    /^\{workspace="w",feature_view_name="spending",feature_view_id="[0-9a-f]{32}"\}$/.test(labels),
  )
  assert.deepEqual(
    spending.map(([, value]) => value),
    [2 / 270],
    'a dry run and a refused request have written nothing',
  )
})

test('a fault of the server is an error of its own', () => {
  const meter = new PlatformMeter({
    clock: { monotonicMs: () => 0 },
    services: new Map(),
    views: new Map(),
    logged: new Map(),
  })
  meter.ingested(500, 1)
  const { samples } = parseOpenMetrics(meter.text()).get(
    'stream_ingestapi_request_processing_error_rate',
  )!
  assert.deepEqual([...samples.values()], [0, 1 / 270])
})

test('what is written is told by the workspace of the request, as far as they are few', () => {
  const meter = new PlatformMeter({
    clock: { monotonicMs: () => 0 },
    services: new Map(),
    views: new Map([['spending', 'v1']]),
    logged: new Map([['clicks', 's1']]),
  })
  const wrote = (workspace: string) =>
    meter.wrote(workspace, {
      rows: new Map([['spending', 270]]),
      accepted: new Map([
        ['clicks', 540],
        ['without a log', 1],
      ]),
    })
  wrote('a "b"\\\n')
  wrote('x'.repeat(platformWorkspaceLengthMax + 1))
  for (let n = 0; n < platformWorkspacesMax; n++) wrote(`w${n}`)
  const text = meter.text()
  const lines = (name: string) => text.split('\n').filter((line) => line.startsWith(`${name}{`))
  const online = lines('stream_ingestapi_online_store_write_rate')
  assert.equal(online.length, platformWorkspacesMax)
  const view = 'feature_view_name="spending",feature_view_id="v1"'
  const head = 'stream_ingestapi_online_store_write_rate{workspace='
  assert.equal(online[0], `${head}"a \\"b\\"\\\\\\n",${view}} 1`)
  assert.ok(online.includes(`${head}"",${view}} 3`))
  const offline = lines('stream_ingestapi_offline_store_write_rate')
  assert.ok(
    offline.includes(
      'stream_ingestapi_offline_store_write_rate{workspace="w0",' +
        'data_source_name="clicks",data_source_id="s1"} 2',
    ),
  )
})

test('how long the store takes is told by view, of reads that compute nothing', async (t) => {
  const platform = await startPlatform(t, noon)
  const ask = async (featureServiceName: string, joinKeyMap: object) => {
    const params = { featureServiceName, joinKeyMap, requestContextMap: { amt: 1 } }
    assert.equal((await platform.post(getFeatures, { params })).status, 200)
  }
  const key = { user_id: 'u1', cust_id: 1, merchant_id: 7 }
  await ask('scoring', key)
  const told = async () => [
    ...(await look(platform)).get('online_store_p99_latency_seconds')!.samples,
  ]
  assert.deepEqual(await told(), [])
  await ask('mixed', key)
  const samples = await told()
  assert.equal(samples.length, 2)
  for (const [labels, seconds] of samples) {
    assert.match(labels, /^\{feature_view_id="[0-9a-f]{32}"\}$/)
    assert.ok(seconds >= 0)
  }
})

test('counts are forgotten slot by slot, and after a long time all of them', () => {
  const counts = new RecentCounts()
  for (let n = 0; n < 10; n++) counts.add(n * 30_000)
  assert.equal(counts.total(299_999), 10)
  assert.equal(counts.total(300_000), 9)
  assert.equal(counts.perSecond(300_000), 9 / 270)
  assert.equal(counts.total(300_000 + 299_999), 0)
  counts.add(1e12, 5)
  assert.equal(counts.total(1e12), 5)
})

test('a quantile is the time itself, up to 5 % more', () => {
  const times = new RecentTimes()
  const ms = Array.from({ length: 1000 }, (_, n) => (n + 1) / 10)
  for (const each of ms) times.add(0, each)
  for (const share of [0.01, 0.5, 0.9, 0.99, 1]) {
    const exact = ms[Math.ceil(share * 1000) - 1]! / 1000
    const told = times.quantile(0, share)
    assert.ok(told >= exact && told <= exact * 1.05, `${share}: ${told} for ${exact}`)
  }
  for (const [n, each] of [0, 1e9].entries()) {
    const extreme = new RecentTimes()
    extreme.add(0, each)
    assert.ok(extreme.quantile(0, 0.5) > 0, `${n}`)
  }
})
