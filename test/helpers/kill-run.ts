/**
 * Producers that stream while the daemon under them is killed again and again, and what must be
 * true in the end: every event counted exactly once, as DuckDB counts the same events.
 *
 *     node dist/test/helpers/kill-run.js [rounds] [seed]
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { systemClock } from '../../src/base/clock.ts'
import { MillraceClient } from '../../src/client/client.ts'
import { readHttp } from './daemons.ts'
import { randomNumbers } from './random.ts'
import { root } from './repository.ts'
import { killInRecovery, Served } from './served.ts'

const users = 200
const stores = 20
const producers = 3
const batchEvents = 40
/** Batches of one producer that are on their way. */
const batchesInFlight = 12

type Order = {
  readonly user_id: number
  readonly store: string
  /** Every event has its own, so that the last one is the same for everybody. */
  readonly at: number
  readonly amount: number
}

export interface KillRunOptions {
  /** How often the daemon is killed while it serves. */
  readonly rounds: number
  readonly seed: number
  /** Events acknowledged between two kills, at most. */
  readonly eventsMax: number
  /** How often each next start is killed while it recovers, at most. */
  readonly recoveriesMax: number
}

/** Runs the rounds; throws when anything is lost, or counted twice. */
export async function killRun(run: KillRunOptions): Promise<number> {
  const { rounds, seed, eventsMax, recoveriesMax } = run
  const random = randomNumbers(seed)
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-kill-'))
  const features = join(root, 'test/fixtures/orders.ts')
  // Checkpoints all the time, so that kills fall into them.
  const flags = ['--checkpoint', '20ms', '--journal-size', '64KiB', '--journal-age', '1ms']
  let options = { features, dataDir, port: 0, flags }
  let served = new Served(options)
  try {
    const url = await served.url
    options = { ...options, port: Number(new URL(url).port) }
    const stream = new Stream(url, random)
    for (let round = 0; round < rounds; round++) {
      await stream.acknowledged(1 + Math.floor(random() * eventsMax))
      await served.kill()
      const acknowledged = stream.count
      for (let left = Math.ceil(random() * recoveriesMax); left > 0; left--) {
        await killInRecovery(options, Math.floor(random() * 200))
      }
      served = new Served(options)
      await served.url
      const counted = (await totals(url)).reduce((sum, { count }) => sum + count, 0)
      assert.ok(counted >= acknowledged, `${counted} of ${acknowledged} acknowledged are counted`)
      assert.ok(counted <= stream.events.length, `${counted} of ${stream.events.length} sent`)
    }
    await stream.finish()
    const expected = await inDuckDb(stream.events)
    assert.deepEqual(await totals(url), expected)
    assert.deepEqual(await served.kill('SIGTERM'), { exitCode: 0, signal: null, said: draining })
    // What was drained needs no replay.
    served = new Served(options)
    assert.deepEqual(await totals(await served.url), expected)
    const status = await (await fetch(`${url}/v1/status`)).json()
    assert.equal((status as { recovery: { batches: number } }).recovery.batches, 0)
    return stream.events.length
  } finally {
    await served.kill()
    await rm(dataDir, { recursive: true })
  }
}

const draining = 'millrace: SIGTERM: draining; once more closes at once\n'

/** Producers that publish as fast as they are acknowledged, until they are told to finish. */
class Stream {
  readonly events: Order[] = []
  /** Events acknowledged. */
  count = 0
  readonly #random: () => number
  readonly #startMs = systemClock.nowMs() - 45 * 60_000
  readonly #clients: MillraceClient[]
  readonly #running: Promise<void>
  #waiter: { count: number; resolve: () => void } | null = null
  #isFinishing = false

  constructor(url: string, random: () => number) {
    this.#random = random
    this.#clients = Array.from(
      { length: producers },
      (_, n) => new MillraceClient({ url, producer: `p${n}`, batchEventsMax: batchEvents }),
    )
    this.#running = Promise.all(this.#clients.map((client) => this.#run(client))).then(() => {})
    this.#running.catch(() => {})
  }

  /** Resolves when so many more events are acknowledged. */
  acknowledged(more: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      this.#waiter = { count: this.count + more, resolve }
    })
    return Promise.race([enough, this.#running])
  }

  /** Publishes nothing more and waits until everything is acknowledged. */
  async finish(): Promise<void> {
    this.#isFinishing = true
    await this.#running
    await Promise.all(this.#clients.map((client) => client.drain()))
    assert.equal(this.count, this.events.length)
  }

  async #run(client: MillraceClient): Promise<void> {
    const lane = async (): Promise<void> => {
      while (!this.#isFinishing) await this.#publish(client)
    }
    await Promise.all(Array.from({ length: batchesInFlight }, lane))
  }

  async #publish(client: MillraceClient): Promise<void> {
    const batch = Array.from({ length: batchEvents }, () => this.#next())
    const { rejected } = await client.publish('orders', batch)
    assert.deepEqual(rejected, [])
    this.count += batch.length
    if (this.#waiter !== null && this.count >= this.#waiter.count) this.#waiter.resolve()
  }

  #next(): Order {
    const random = this.#random
    const event = {
      user_id: Math.floor(random() * users),
      store: `s${Math.floor(random() * stores)}`,
      at: this.#startMs + this.events.length,
      amount: Math.floor(random() * 1000),
    }
    this.events.push(event)
    return event
  }
}

interface Total {
  readonly key: string
  readonly count: number
  readonly amount: string | null
  readonly last: string
}

/** Every user and store, as the daemon counts them. */
async function totals(url: string): Promise<Total[]> {
  const userKeys = Array.from({ length: users }, (_, user_id) => ({ user_id }))
  const byUser = await readHttp(url, 'user_orders', ...userKeys)
  return byUser.flatMap(({ values, freshness }, user_id) => {
    if (values['orders_30d'] === null) return []
    return [
      {
        key: `${user_id}`,
        count: Number(values['orders_30d']),
        amount: values['amount_30d'] as string,
        last: `${String(values['last_amount'])} at ${String(freshness['user_orders']!.newest)}`,
      },
    ]
  })
}

/** The same by SQL. */
async function inDuckDb(events: readonly Order[]): Promise<Total[]> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run('create table orders (user_id int, at_ms bigint, amount bigint)')
  const appender = await connection.createAppender('orders')
  for (const { user_id, at, amount } of events) {
    appender.appendInteger(user_id)
    appender.appendBigInt(BigInt(at))
    appender.appendBigInt(BigInt(amount))
    appender.endRow()
  }
  appender.closeSync()
  const reader = await connection.runAndReadAll(
    'select user_id, count(*), sum(amount), arg_max(amount, at_ms), max(at_ms) ' +
      'from orders group by user_id order by user_id',
  )
  return reader.getRows().map(([user, count, amount, last, at]) => ({
    key: String(user),
    count: Number(count),
    amount: String(amount),
    last: `${String(last)} at ${isoOf(Number(at))}`,
  }))
}

/** A time as the daemon writes it: no more digits of a fraction than it has. */
function isoOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z')
}

if (import.meta.filename === process.argv[1]) {
  const [rounds = '50', seed = '1'] = process.argv.slice(2)
  const run = { rounds: Number(rounds), seed: Number(seed), eventsMax: 6000, recoveriesMax: 3 }
  process.stdout.write(`${await killRun(run)} events, each counted once\n`)
}
