/**
 * Producers of which every third event is wrong, while the daemon under them is killed again and
 * again, and what must be true in the end: every event that was not counted is in the ledger once.
 *
 *     node dist/test/helpers/reject-run.js [rounds] [seed]
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { MillraceClient } from '../../src/client/client.ts'
import { readHttp } from './daemons.ts'
import { randomNumbers } from './random.ts'
import { root } from './repository.ts'
import { killInRecovery, Served } from './served.ts'

const users = 50
const producers = 3
const batchEvents = 20
/** Batches of one producer that are on their way. */
const batchesInFlight = 8

const dayMs = 86_400_000

/** What the ledger must say of an event: nothing, or the code, and whether somebody counted it. */
type Fate = { readonly code: string; readonly isPartial: boolean } | null

type Order = { readonly amount: number; readonly [field: string]: unknown }

interface Sent {
  readonly source: string
  readonly event: Order
  readonly fate: Fate
}

export interface RejectRunOptions {
  /** How often the daemon is killed while it serves. */
  readonly rounds: number
  readonly seed: number
  /** Events acknowledged between two kills, at most. */
  readonly eventsMax: number
  /** How often each next start is killed while it recovers, at most. */
  readonly recoveriesMax: number
}

/** Runs the rounds; throws when an entry is missing, or is there twice. */
export async function rejectRun(run: RejectRunOptions): Promise<number> {
  const { rounds, seed, eventsMax, recoveriesMax } = run
  const random = randomNumbers(seed)
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-reject-'))
  const features = join(root, 'test/fixtures/orders.ts')
  // Checkpoints all the time, and a journal that is let go of as soon as nobody needs it.
  const flags = ['--checkpoint', '20ms', '--journal-size', '64KiB', '--journal-age', '1ms']
  let options = { features, dataDir, port: 0, flags }
  let served = new Served(options)
  try {
    const url = await served.url
    options = { ...options, port: Number(new URL(url).port) }
    const stream = new Stream(url, random)
    await stream.begin()
    for (let round = 0; round < rounds; round++) {
      await stream.acknowledged(1 + Math.floor(random() * eventsMax))
      await served.kill()
      for (let left = Math.ceil(random() * recoveriesMax); left > 0; left--) {
        await killInRecovery(options, Math.floor(random() * 200))
      }
      served = new Served(options)
      await served.url
    }
    await stream.finish()
    await assertRecorded(url, stream.sent)
    await served.kill('SIGTERM')
    served = new Served(options)
    await served.url
    await assertRecorded(url, stream.sent)
    return stream.sent.length
  } finally {
    await served.kill()
    await rm(dataDir, { recursive: true })
  }
}

/** Producers that publish as fast as they are acknowledged, until they are told to finish. */
class Stream {
  readonly sent: Sent[] = []
  #count = 0
  #number = 0
  readonly #random: () => number
  readonly #startMs = systemClock.nowMs()
  readonly #clients: MillraceClient[]
  #running = Promise.resolve()
  #waiter: { count: number; resolve: () => void } | null = null
  #isFinishing = false

  constructor(url: string, random: () => number) {
    this.#random = random
    this.#clients = Array.from(
      { length: producers },
      (_, n) => new MillraceClient({ url, producer: `p${n}`, batchEventsMax: batchEvents }),
    )
  }

  /** From the first event on, whose time is what one view measures others by. */
  async begin(): Promise<void> {
    const first = { user_id: 0, store: 'a', at: this.#startMs, amount: this.#number++ }
    this.sent.push({ source: 'orders', event: first, fate: null })
    await this.#clients[0]!.publish('orders', first)
    this.#running = Promise.all(this.#clients.map((client) => this.#run(client))).then(() => {})
    this.#running.catch(() => {})
  }

  /** Resolves when so many more events are acknowledged. */
  acknowledged(more: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      this.#waiter = { count: this.#count + more, resolve }
    })
    return Promise.race([enough, this.#running])
  }

  /** Publishes nothing more and waits until everything is acknowledged. */
  async finish(): Promise<void> {
    this.#isFinishing = true
    await this.#running
    await Promise.all(this.#clients.map((client) => client.drain()))
  }

  async #run(client: MillraceClient): Promise<void> {
    const lane = async (): Promise<void> => {
      while (!this.#isFinishing) await this.#publish(client)
    }
    await Promise.all(Array.from({ length: batchesInFlight }, lane))
  }

  async #publish(client: MillraceClient): Promise<void> {
    const source = this.#random() < 0.1 ? 'nowhere' : 'orders'
    const batch = Array.from({ length: batchEvents }, () => this.#next(source))
    this.sent.push(...batch)
    await client.publish(
      source,
      batch.map(({ event }) => event),
    )
    this.#count += batch.length
    if (this.#waiter !== null && this.#count >= this.#waiter.count) this.#waiter.resolve()
  }

  #next(source: string): Sent {
    // The amount tells one event from every other.
    const amount = this.#number++
    const user_id = amount % users
    const good = { user_id, store: 'a', at: this.#startMs, amount }
    if (source === 'nowhere') return sent(source, good, 'SOURCE_UNKNOWN')
    switch (Math.floor(this.#random() * 12)) {
      case 0:
        return sent(source, { ...good, store: 5 }, 'EVENT_FIELD_TYPE')
      case 1:
        return sent(source, { ...good, at: this.#startMs - 60 * dayMs }, 'EVENT_TOO_LATE')
      case 2:
        return sent(source, { ...good, at: this.#startMs + dayMs }, 'EVENT_IN_FUTURE')
      case 3:
        return sent(source, { ...good, store: 'x'.repeat(1025) }, 'EVENT_KEY', true)
      default:
        return { source, event: good, fate: null }
    }
  }
}

function sent(source: string, event: Order, code: string, isPartial = false): Sent {
  return { source, event, fate: { code, isPartial } }
}

interface Entry {
  readonly id: number
  readonly code: string
  readonly isPartial: boolean
  readonly source: string
  readonly event: { readonly amount: number }
}

interface Body {
  readonly entries: readonly Entry[]
  readonly next: number | null
  readonly summary: { counts: readonly { code: string; rejected: number; partial: number }[] }
}

/** The ledger has every event that was not counted, once, and the views have all others. */
async function assertRecorded(url: string, all: readonly Sent[]): Promise<void> {
  const entries: Entry[] = []
  let counts: Body['summary']['counts'] = []
  for (let after: number | null = 0; after !== null;) {
    const response = await fetch(`${url}/v1/ledger?limit=1000&after=${after}`)
    const body = (await response.json()) as Body
    entries.push(...body.entries)
    after = body.next
    counts = body.summary.counts
  }
  assert.deepEqual(
    entries.map(({ id }) => id),
    entries.map((_, n) => n + 1),
  )
  const recorded = entries.map(({ event, source, code, isPartial }) =>
    [String(event.amount).padStart(8, '0'), source, code, isPartial].join(' '),
  )
  const expected = all.flatMap(({ event, source, fate }) => {
    if (fate === null) return []
    const amount = String(event.amount).padStart(8, '0')
    return [[amount, source, fate.code, fate.isPartial].join(' ')]
  })
  assert.deepEqual(recorded.toSorted(), expected.toSorted())
  const counted = counts.reduce((sum, { rejected, partial }) => sum + rejected + partial, 0)
  assert.equal(counted, entries.length)

  const keys = Array.from({ length: users }, (_, user_id) => ({ user_id }))
  const rows = await readHttp(url, 'user_orders', ...keys)
  const views = rows.reduce((sum, { values }) => sum + Number(values['orders_30d'] ?? 0), 0)
  assert.equal(views, all.filter(({ fate }) => fate === null || fate.isPartial).length)
}

if (import.meta.filename === process.argv[1]) {
  const [rounds = '30', seed = '1'] = process.argv.slice(2)
  const run = { rounds: Number(rounds), seed: Number(seed), eventsMax: 6000, recoveriesMax: 3 }
  process.stdout.write(`${await rejectRun(run)} events, each counted or recorded once\n`)
}
