/**
 * A view with a past, from files to features: through the thread that reads them, the journal and
 * the shards, asked for by HTTP and by the command line.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { runCli } from '../../src/cli/run.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import {
  aggregate,
  csv,
  entity,
  pushSource,
  streamFeatureView,
  t as type,
  type BatchSource,
} from '../../src/index.ts'
import { connect, readHttp, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)
const hourMs = 3_600_000

interface Asked {
  readonly batch?: BatchSource
  readonly streamStartTime?: string
  readonly more?: boolean
}

/** Orders with a past, and views of them. */
function definitionsOf({ batch, streamStartTime, more = false }: Asked): readonly unknown[] {
  const source = pushSource({
    name: 'orders',
    schema: { user_id: type.Int64(), at: type.Timestamp(), amount: type.Int64() },
    timestampField: 'at',
    ...(batch !== undefined && { batch: batch as BatchSource<never> }),
    ...(streamStartTime !== undefined && { streamStartTime }),
  })
  const user = entity({ name: 'user', joinKeys: { user_id: type.Int64() } })
  const view = (name: string) =>
    streamFeatureView({
      name,
      source,
      entities: [user],
      features: [
        aggregate('amount', 'sum', '30d', { name: 'sum' }),
        aggregate('amount', 'count', '30d', { name: 'count' }),
      ],
    })
  return [view('spent'), ...(more ? [view('later')] : [])]
}

const iso = (ms: number): string => new Date(ms).toISOString()

/** Lines of CSV: of each hour before noon an order of user 1, the amounts from 1 on. */
function linesOf(hours: number): string[] {
  return Array.from({ length: hours }, (_, n) => `1,${iso(noonMs - (n + 1) * hourMs)},${n + 1}`)
}

async function csvOf(dir: string, lines: readonly string[]): Promise<BatchSource> {
  const file = join(dir, 'past.csv')
  await writeFile(file, `user_id,at,amount\n${lines.map((line) => `${line}\n`).join('')}`)
  return csv(file)
}

async function setUp(t: TestContext, lines: readonly string[], asked: Asked = {}) {
  const dir = await temporaryDir(t)
  const batch = await csvOf(dir, lines)
  const clock = new ManualClock(noonMs)
  const start = { clock, dataDir: join(dir, 'data') }
  const open = (more = false): Promise<Millrace> =>
    startDaemon(t, { ...start, features: definitionsOf({ ...asked, batch, more }) })
  return { dir, open, clock, daemon: await open() }
}

interface Status {
  readonly state: string
  readonly rows: number
  readonly rowsTotal: number | null
  readonly rejected: number
  readonly error: { readonly code: string } | null
  readonly views: readonly { readonly name: string; readonly boundary: string }[]
}

async function asked(daemon: Millrace, path: string, payload?: object) {
  const how = payload === undefined ? {} : { method: 'POST' as const, payload }
  const { statusCode, body } = await daemon.http.inject({ url: path, ...how })
  return { statusCode, body: JSON.parse(body) as Record<string, unknown> }
}

async function statuses(daemon: Millrace): Promise<readonly Status[]> {
  const { body } = await asked(daemon, '/v1/backfill')
  return body['backfills'] as readonly Status[]
}

/** Asks for a backfill, and waits until it runs no more. */
async function backfill(daemon: Millrace, request: object = {}): Promise<readonly Status[]> {
  const { statusCode, body } = await asked(daemon, '/v1/backfill', request)
  assert.equal(statusCode, 202, JSON.stringify(body))
  for (;;) {
    // Through the socket, so that the thread that reads has its turn.
    const response = await fetch(`${daemon.url}/v1/backfill`)
    const { backfills } = (await response.json()) as { backfills: readonly Status[] }
    if (backfills.every(({ state }) => state !== 'running')) return backfills
  }
}

async function spent(daemon: Millrace, view = 'spent') {
  const [row] = await readHttp(daemon.url, view, { user_id: 1 })
  return [row!.values['sum'], row!.states['sum']]
}

test('a view is backfilling until its past is counted, and then has both sides once', async (t) => {
  const { daemon } = await setUp(t, linesOf(5))
  const client = connect(t, daemon.url)
  await client.publish('orders', [{ user_id: 1, at: noonMs, amount: 100 }])
  assert.deepEqual(await spent(daemon), [null, 'backfilling'])
  const vector = await client.get('spent', { user_id: 1 })
  assert.deepEqual(vector.states, { sum: 'backfilling', count: 'backfilling' })
  const [done] = await backfill(daemon)
  assert.deepEqual(
    [done!.state, done!.rows, done!.views[0]!.boundary],
    ['complete', 5, iso(noonMs)],
  )
  assert.deepEqual(await spent(daemon), ['115', 'present'])
  assert.deepEqual(await backfill(daemon, { views: ['spent'] }), [done])
  assert.deepEqual(await spent(daemon), ['115', 'present'])
})

test('an event of the stream from before the boundary is refused by its own code', async (t) => {
  const { daemon } = await setUp(t, linesOf(2))
  await backfill(daemon)
  const early = { user_id: 1, at: noonMs - 1, amount: 7 }
  const { rejected } = await connect(t, daemon.url).publish('orders', [early])
  assert.deepEqual(
    rejected.map(({ code, path }) => [code, path]),
    [['EVENT_BEFORE_STREAM', '/at']],
  )
  assert.deepEqual(await spent(daemon), ['3', 'present'])
})

test('rows that are wrong are in the ledger with their file and row', async (t) => {
  const lines = [...linesOf(2), `1,${iso(noonMs - 1)},much`, '1,too,many,columns', '1,never,5']
  const { dir, daemon } = await setUp(t, lines)
  const [done] = await backfill(daemon)
  assert.deepEqual([done!.state, done!.rows, done!.rejected], ['complete', 5, 3])
  const { body } = await asked(daemon, '/v1/ledger')
  const entries = body['entries'] as Record<string, unknown>[]
  const file = join(dir, 'past.csv')
  const told = entries.map(({ code, message }) => `${String(code)} ${String(message)}`)
  assert.deepEqual(told.toSorted(), [
    `BATCH_ROW ${file}, row 4: the line is no row: it has more values than there are columns`,
    `EVENT_FIELD_TYPE ${file}, row 3: expected Int64, got string`,
    `EVENT_TIME ${file}, row 5: not a valid event time: ` +
      'not a time such as 2024-05-01T12:00:00.123456789Z',
  ])
  assert.deepEqual(await spent(daemon), ['3', 'present'])
})

test('a backfill that was paused goes on behind its last row, in another life, too', async (t) => {
  const { daemon, open } = await setUp(t, linesOf(10))
  const [paused] = await backfill(daemon, { to: iso(noonMs - 5 * hourMs) })
  assert.deepEqual([paused!.state, paused!.rows], ['paused', 5])
  assert.deepEqual(await spent(daemon), [null, 'backfilling'])
  await daemon.close()
  const again = await open()
  assert.deepEqual(
    (await statuses(again)).map(({ state, rows }) => [state, rows]),
    [['paused', 5]],
  )
  const [done] = await backfill(again)
  assert.deepEqual([done!.state, done!.rows], ['complete', 10])
  assert.deepEqual(await spent(again), ['55', 'present'])
  await again.drain()
  assert.deepEqual(await spent(await open()), ['55', 'present'])
})

test('how many rows there are is not known of another range before it is read', async (t) => {
  const { daemon } = await setUp(t, linesOf(10))
  const [paused] = await backfill(daemon, { to: iso(noonMs - 5 * hourMs) })
  assert.deepEqual([paused!.rows, paused!.rowsTotal], [5, 5])
  const { body } = await asked(daemon, '/v1/backfill', {})
  const [begun] = body['backfills'] as readonly Status[]
  assert.deepEqual([begun!.state, begun!.rows, begun!.rowsTotal], ['running', 5, null])
  const [done] = await backfill(daemon)
  assert.deepEqual([done!.rows, done!.rowsTotal], [10, 10])
})

test('lines that are no rows come last, once, whatever was asked for before', async (t) => {
  const { daemon } = await setUp(t, ['1,2', ...linesOf(3), '1'])
  const [early] = await backfill(daemon, { to: iso(noonMs - 100 * hourMs) })
  assert.deepEqual([early!.state, early!.rows], ['paused', 0])
  const [half] = await backfill(daemon, { to: iso(noonMs - hourMs) })
  assert.deepEqual([half!.state, half!.rows], ['paused', 2])
  const [done] = await backfill(daemon)
  assert.deepEqual([done!.state, done!.rows, done!.rejected], ['complete', 5, 2])
  assert.deepEqual(await spent(daemon), ['6', 'present'])
})

test('a batch source that has changed where it was counted is told', async (t) => {
  const { dir, daemon } = await setUp(t, linesOf(10))
  await backfill(daemon, { to: iso(noonMs - 5 * hourMs) })
  await csvOf(
    dir,
    linesOf(10).map((line) => `${line}0`),
  )
  const [failed] = await backfill(daemon)
  assert.deepEqual([failed!.state, failed!.error!.code], ['failed', 'BATCH_CHANGED'])
  await csvOf(dir, linesOf(10))
  const [done] = await backfill(daemon)
  assert.deepEqual([done!.state, done!.rows], ['complete', 10])
  assert.deepEqual(await spent(daemon), ['55', 'present'])
})

test('a view that is added later has its past alone, and the stream that is there', async (t) => {
  const { daemon, open } = await setUp(t, linesOf(3), { streamStartTime: iso(noonMs) })
  await backfill(daemon)
  await connect(t, daemon.url).publish('orders', [{ user_id: 1, at: noonMs, amount: 100 }])
  await daemon.drain()
  const again = await open(true)
  assert.deepEqual(await spent(again, 'later'), [null, 'backfilling'])
  assert.deepEqual(await spent(again), ['106', 'present'])
  await backfill(again)
  assert.deepEqual(await spent(again), ['106', 'present'])
  assert.deepEqual(await spent(again, 'later'), ['106', 'present'])
})

test('the past of a view that is added ends where the journal is whole', async (t) => {
  const { daemon, open, clock } = await setUp(t, linesOf(3))
  const client = connect(t, daemon.url)
  await client.publish('orders', [{ user_id: 1, at: noonMs, amount: 100 }])
  clock.advance(hourMs)
  await client.publish('orders', [{ user_id: 1, at: noonMs + hourMs, amount: 1000 }])
  await daemon.drain()
  const again = await open(true)
  const found = (await statuses(again)).find(({ views }) => views[0]!.name === 'later')!
  // An event may be five minutes ahead of its arrival, but not more.
  assert.equal(found.views[0]!.boundary, iso(noonMs + 300_001))
  await backfill(again)
  // What is before the boundary counts from the batch source alone, which does not have the first.
  assert.deepEqual(await spent(again, 'later'), ['1006', 'present'])
  assert.deepEqual(await spent(again), ['1106', 'present'])
})

test('what cannot be backfilled is refused, and says why', async (t) => {
  const { daemon } = await setUp(t, linesOf(3))
  const refusal = async (request: object) => {
    const { statusCode, body } = await asked(daemon, '/v1/backfill', request)
    const { code, message } = body['error'] as { code: string; message: string }
    return `${statusCode} ${code} ${message}`
  }
  assert.match(await refusal({ views: ['none'] }), /^400 REQUEST_INVALID views: no view is named/)
  assert.match(await refusal({ views: [] }), /views: is not a list of names$/)
  assert.match(await refusal({ from: 'never' }), /from: is not a time such as/)
  assert.match(await refusal({ view: 'spent' }), /view: is not known here$/)
  const range = { from: iso(noonMs), to: iso(noonMs - 1) }
  assert.match(await refusal(range), /to: is not after from$/)
  // It would be complete for good, without a row.
  const late = /from: is not before the boundary of "spent", 2026-03-01T12:00:00.000Z$/
  assert.match(await refusal({ from: iso(noonMs) }), late)
  await backfill(daemon, { from: iso(noonMs - 2 * hourMs) })
  assert.deepEqual(await spent(daemon), ['3', 'present'])
  const other = { views: ['spent'], from: iso(noonMs) }
  assert.match(await refusal(other), /has begun at 2026-03-01T10:00:00.000Z already$/)
})

test('a batch source that cannot be read fails the backfill, and nothing else', async (t) => {
  const daemon = await startDaemon(t, { features: definitionsOf({ batch: csv('/none/*.csv') }) })
  const [failed] = await backfill(daemon)
  assert.deepEqual([failed!.state, failed!.error!.code], ['failed', 'BATCH_FILE'])
  assert.equal((await asked(daemon, '/readyz')).statusCode, 200)
})

test('the command shows how far it is, and says what has come of it', async (t) => {
  const { dir, daemon } = await setUp(t, linesOf(3))
  const file = join(dir, 'features.mjs')
  const path = JSON.stringify(join(dir, 'past.csv'))
  await writeFile(
    file,
    `import { aggregate, csv, entity, pushSource, streamFeatureView, t } from 'millrace'
    const source = pushSource({
      name: 'orders',
      schema: { user_id: t.Int64(), at: t.Timestamp(), amount: t.Int64() },
      timestampField: 'at',
      batch: csv(${path}),
    })
    const user = entity({ name: 'user', joinKeys: { user_id: t.Int64() } })
    export const spent = streamFeatureView({
      name: 'spent',
      source,
      entities: [user],
      features: [
        aggregate('amount', 'sum', '30d', { name: 'sum' }),
        aggregate('amount', 'count', '30d', { name: 'count' }),
      ],
    })`,
  )
  const io = testIo('', { MILLRACE_URL: daemon.url })
  assert.equal(await runCli(['backfill', file], io), 0, io.errLines.join())
  const said = `spent: 3 rows of orders; complete up to ${iso(noonMs)}`
  assert.deepEqual(io.outLines, [said])
  assert.match(io.liveLines[0]!, /^orders {2}/)
  const again = testIo('', { MILLRACE_URL: daemon.url })
  assert.equal(await runCli(['backfill', file, '--view', 'spent'], again), 0)
  assert.deepEqual(again.outLines, [said])
  assert.deepEqual(await spent(daemon), ['6', 'present'])
  const wrong = testIo('', { MILLRACE_URL: daemon.url })
  assert.equal(await runCli(['backfill', file, '--view', 'none'], wrong), 64)
})
