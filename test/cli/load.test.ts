import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createHistogram } from 'node:perf_hooks'
import type { LoadPlan, StartedLoad } from '../../src/cli/load-plan.ts'
import { loadCommand } from '../../src/cli/load.ts'
import { runCli } from '../../src/cli/run.ts'
import { pushSource, t as types } from '../../src/index.ts'
import type { LoadOutcome } from '../../src/load/outcome.ts'
import { returns } from '../fixtures/returns.ts'
import { readHttp, startDaemon } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'
import { root } from '../helpers/repository.ts'
import { shopCatalog } from '../helpers/shop-catalog.ts'

const features = join(root, 'test/fixtures/orders.ts')

interface ReportJson {
  readonly config: Readonly<Record<string, unknown>>
  readonly seed: number
  readonly events: Readonly<Record<string, number>>
  readonly rejections: Readonly<Record<string, number>>
  readonly measured: { readonly seconds: number; readonly events: number }
  readonly eventsPerSecond: number
  readonly latencyMs: Readonly<Record<'p50' | 'p99' | 'p999' | 'max', number>>
  readonly generator: Readonly<Record<string, number | boolean>>
}

/** Runs `millrace load` on the orders of a daemon. */
async function load(url: string, ...args: string[]) {
  const io = testIo()
  const about = ['--source', 'orders', '--url', url, '--json']
  const exitCode = await runCli(['load', features, ...about, ...args], io)
  assert.deepEqual(io.errLines, [])
  assert.equal(io.outLines.length, 1)
  return { exitCode, io, report: JSON.parse(io.outLines[0]!) as ReportJson }
}

/** The number of events that a view has counted, over all its keys. */
async function counted(url: string, view: string, feature: string, keys: readonly object[]) {
  const rows = await readHttp(url, view, ...keys)
  return rows.reduce((sum, { values }) => sum + Number(values[feature] ?? 0), 0)
}

test('what a load says it has sent is what the daemon has counted', async (t) => {
  const { url } = await startDaemon(t, { features })
  const size = ['--events', '4000', '--frame', '50', '--connections', '3', '--in-flight', '600']
  const kind = ['--keys', '40', '--skew', 'zipf:1.1', '--disorder', '0.2', '--duplicates', '0.1']
  const { exitCode, report } = await load(url, ...size, ...kind, '--seed', '5')
  assert.equal(exitCode, 0)
  const { config, seed, events, rejections, measured, latencyMs, generator } = report
  assert.equal(seed, 5)
  assert.deepEqual(
    [config['loop'], config['skew'], config['inFlight']],
    ['closed', 'zipf:1.1', 600],
  )
  const { sent, acked, rejected, repeated, duplicates, unsent } = events
  assert.deepEqual(
    { sent, acked, rejected, unsent },
    { sent: 4000, acked: 4000, rejected: 0, unsent: 0 },
  )
  assert.ok(repeated! > 0)
  assert.equal(duplicates, repeated)
  assert.deepEqual(rejections, {})
  assert.ok(measured.events > 0 && measured.events <= 3000 && measured.seconds > 0)
  const { p50, p99, p999, max } = latencyMs
  assert.ok(0 < p50 && p50 <= p99 && p99 <= p999 && p999 <= max)
  assert.deepEqual(Object.keys(generator), [
    'cpuShare',
    'busyShare',
    'lateShare',
    'lateMs',
    'isBottleneck',
  ])
  const keys = Array.from({ length: 40 }, (_, key) => key)
  const users = keys.map((key) => ({ user_id: key }))
  assert.equal(await counted(url, 'user_orders', 'orders_30d', users), 4000)
  const stores = keys.map((key) => ({ store: `store-${String(key).padStart(8, '0')}` }))
  assert.equal(await counted(url, 'store_orders', 'orders_1h', stores), 4000)
})

test('events that are rejected are counted once, as the ledger counts them', async (t) => {
  const { url } = await startDaemon(t, { features })
  const size = ['--events', '2000', '--frame', '20', '--duplicates', '0.3', '--keys', '10']
  const { exitCode, report } = await load(
    url,
    ...size,
    '--disorder',
    '0.5',
    '--disorder-by',
    '800d',
  )
  assert.equal(exitCode, 65)
  const { sent, acked, rejected, repeated, duplicates } = report.events
  assert.deepEqual([sent, acked], [2000, 2000])
  assert.equal(duplicates, repeated)
  assert.ok(rejected! > 800 && rejected! < 1100, String(rejected))
  assert.deepEqual(report.rejections, { EVENT_TOO_LATE: rejected })
  const response = await fetch(`${url}/v1/status`)
  const { ledger } = (await response.json()) as {
    ledger: { counts: { code: string; rejected: number }[] }
  }
  const inLedger = ledger.counts
    .filter(({ code }) => code === 'EVENT_TOO_LATE')
    .reduce((sum, { rejected }) => sum + rejected, 0)
  assert.equal(inLedger, rejected)
})

test('an open loop keeps to its rate', async (t) => {
  const { url } = await startDaemon(t, { features })
  const time = ['--duration', '500ms', '--warmup', '0', '--rate', '2000', '--frame', '10']
  const { report, exitCode } = await load(url, ...time)
  assert.equal(exitCode, 0)
  const { sent, acked } = report.events
  // Frames are due for as long as the timer that ends them takes.
  assert.ok(sent! >= 1000, String(sent))
  assert.equal(sent, acked)
  assert.deepEqual([report.config['loop'], report.config['rate']], ['open', 2000])
  assert.ok(report.latencyMs.p50 > 0)
})

test('a daemon without the source is refused, and one with another definition of it', async (t) => {
  const other = pushSource({
    name: 'orders',
    schema: { who: types.String(), at: types.Timestamp() },
    timestampField: 'at',
  })
  const cases = [
    [[returns], 1, /no push source is named "orders" \(SOURCE_UNKNOWN\)$/],
    [[other], 78, /--url: the daemon there has another definition of source "orders"/],
  ] as const
  for (const [definitions, exitCode, reason] of cases) {
    const { url } = await startDaemon(t, { features: definitions })
    const io = testIo()
    assert.equal(await runCli(['load', features, '--source', 'orders', '--url', url], io), exitCode)
    assert.match(io.errLines[0]!, reason)
  }
})

test('wrong options are refused, each in a line', async () => {
  const cases: [string[], number, RegExp[]][] = [
    [['load'], 64, [/usage: millrace load /]],
    [['load', features, '--fast'], 64, [/Unknown option '--fast'/]],
    [
      ['load', features, '--rate', 'x', '--skew', 'zipf', '--disorder', '2', '--warmup', 'soon'],
      78,
      [
        /4 problems/,
        /--skew: "zipf" is neither "uniform" nor such as "zipf:1.1"/,
        /--disorder: "2" is not a number from 0 to 1/,
        /--rate: "x" is not a whole number/,
        /--warmup: "soon" is not a duration/,
      ],
    ],
    [['load', features, '--rate', '5', '--in-flight', '5'], 78, [/--in-flight: is for a closed/]],
    [['load', features, '--producer', 'a b'], 78, [/--producer: "a b" is not 1 to 59 printable/]],
    [['load', features, '--fixed', '[]'], 64, [/--fixed: "\[\]" is not a JSON object/]],
    [['load', features, '--fixed', '{', '--source', 'orders'], 64, [/--fixed: "\{" is not a JSON/]],
    [['load', features], 64, [/--source is one of audit, orders/]],
    [['load', features, '--source', 'nothing'], 1, [/no push source is named "nothing"/]],
  ]
  for (const [args, exitCode, reasons] of cases) {
    const io = testIo()
    assert.equal(await runCli(args, io), exitCode, args.join(' '))
    for (const [n, reason] of reasons.entries()) assert.match(io.errLines[n]!, reason)
    assert.deepEqual(io.outLines, [])
  }
})

/** A load that ends when the test says so. */
function fakeLoad() {
  const plans: LoadPlan[] = []
  let stops = 0
  let end!: (outcome: LoadOutcome) => void
  const ended = new Promise<LoadOutcome>((resolve) => (end = resolve))
  const started: StartedLoad = {
    source: 'purchases',
    eventBytes: 64.5,
    ended,
    stop: () => (stops += 1),
  }
  const latencyUs = createHistogram()
  for (let us = 1000; us <= 100_000; us += 1000) latencyUs.record(us)
  const usage = { cpuMs: 250, busyMs: 950 }
  const outcome: LoadOutcome = {
    sent: 12_000,
    repeated: 600,
    acked: 12_000,
    unsent: 0,
    duplicates: 600,
    rejected: 2,
    rejections: new Map([['EVENT_TOO_LATE', 2]]),
    measured: { ms: 1000, events: 10_000, latencyUs, frames: 100, lateFrames: 0, usage },
  }
  const run = loadCommand({
    load: () => Promise.resolve(shopCatalog),
    start: (plan) => {
      plans.push(plan)
      return Promise.resolve(started)
    },
  })
  return { run, plans, outcome, end: () => end(outcome), stops: () => stops, latencyUs }
}

test('people read the figures and whether the generator was the bottleneck', async () => {
  const { run, plans, latencyUs, end } = fakeLoad()
  const io = testIo()
  const ended = run(['shop.ts', '--rate', '10000', '--connections', '2'], io)
  await Promise.resolve()
  await Promise.resolve()
  plans[0]!.onProgress({
    phase: 'measured',
    elapsedMs: 3000,
    events: 9_900,
    spanMs: 1000,
    latencyUs,
    rejected: 2,
    overdue: 1200,
  })
  end()
  assert.equal(await ended, 65)
  assert.deepEqual(io.liveLines, [
    '  3s  measured        9 900 events/s  p50 50.0  p99 99.0  max 100.0 ms  ' +
      '2 rejected  1 200 overdue',
    '',
  ])
  assert.deepEqual(io.outLines, [
    'load       open loop, 10 000 events/s, 2 connections, frames of 1 000',
    '           purchases: 65 bytes an event, 100 000 keys (uniform), seed 1',
    'rate       10 000 events/s (10 000 in 1.0 s)',
    'latency    p50 50.0  p99 99.0  p99.9 100.0  max 100.0 ms',
    '           from when a frame was due to its ACK',
    'events     12 000 sent, 12 000 acknowledged, 2 rejected',
    '           2 EVENT_TOO_LATE',
    '           600 sent twice; 600 not counted again',
    'generator  25.0 % of a core, busy 95.0 % of the time, 0.0 % of the frames late',
    'The generator may itself have been the bottleneck: the server may be faster than this.',
  ])
})

test('the first signal ends the measured time, the second the command', async () => {
  for (const isSecond of [false, true]) {
    const { run, end, stops } = fakeLoad()
    const io = testIo()
    const ended = run(['shop.ts'], io)
    while (io.listeners() === 0) await Promise.resolve()
    io.signal('SIGINT')
    assert.equal(stops(), 1)
    if (isSecond) io.signal('SIGINT')
    else end()
    assert.equal(await ended, isSecond ? 130 : 65)
    assert.equal(io.listeners(), 0)
    assert.equal(io.outLines.length > 0, !isSecond)
  }
})
