/**
 * A kill at any system call while a past is counted and the offline log is written: of the daemon,
 * or of the process that exports.
 *
 * A backfill runs beside a stream. When the daemon has died, every Parquet file of the log that can
 * be seen is whole, and no event is in two of them; the next one goes on. In the end each row and
 * each event counts once, and the log has each event once.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readHttp } from '../helpers/daemons.ts'
import { queryOffline } from '../helpers/offline-rows.ts'
import { randomNumbers } from '../helpers/random.ts'
import { root } from '../helpers/repository.ts'
import { Served } from '../helpers/served.ts'
import type { Outcome } from './outcome.ts'
import { inject, type Injection } from './strace.ts'

export interface PastOptions {
  /** Pasts that are counted, each on a daemon of its own. */
  readonly rounds: number
  readonly seed: number
  /** Kills of one past, at most. */
  readonly faultsMax: number
  readonly say?: (line: string) => void
}

/** By call: up to which one of a thread a kill is drawn, as many as a thread comes to. */
const calls: Readonly<Record<string, number>> = {
  fdatasync: 8,
  pwrite64: 20,
  writev: 12,
  openat: 800,
  fsync: 6,
  rename: 4,
  unlink: 3,
}

/** Checkpoints and exports all the time, so that kills fall into them; segments that go soon. */
const flags =
  '--checkpoint 50ms --offline-interval 100ms --journal-size 64KiB --journal-age 1ms'.split(' ')

/** How often a daemon is asked how far it is, when there is nothing to be pushed, ms. */
const lookMs = 20

const features = join(root, 'test/fixtures/archive.ts')
const boxes = 10
const pastRows = 40_000
const batchEvents = 50
const batches = 40
const streamStartMs = Date.UTC(2024, 5, 1)

export async function pastRun(options: PastOptions): Promise<Outcome> {
  const { rounds, seed, faultsMax, say = () => {} } = options
  const random = randomNumbers(seed)
  const draw = (count: number): number => Math.floor(random() * count)
  const startsMs: number[] = []
  let [daemons, exports] = [0, 0]
  for (let round = 1; round <= rounds; round++) {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-crash-'))
    const past = new Past(dir)
    try {
      for (let left = faultsMax; left > 0 && !past.isDone; left--) {
        const names = Object.keys(calls)
        const call = names[draw(names.length)]!
        const injection = { call, when: 1 + draw(calls[call]!), fault: 'signal=SIGKILL' }
        const died = await past.live(injection)
        if (died === 'daemon') daemons += 1
        if (died === 'export') exports += 1
        say(`round ${round}: kill at ${call} ${injection.when}: ${died ?? 'nobody'} died`)
      }
      await past.live(null)
      await past.check()
      startsMs.push(...past.startsMs)
    } finally {
      await past.end()
      await rm(dir, { recursive: true })
    }
  }
  const events = rounds * (pastRows + batches * batchEvents)
  const notes = [`${daemons} daemons died, and ${exports} exports alone`]
  return { events, startsMs, faults: daemons + exports, notes }
}

type Died = 'daemon' | 'export' | null

interface Backfill {
  readonly state: string
  readonly error: unknown
}

interface OfflineStatus {
  readonly rows: number
  readonly failure: string | null
}

/** One past and the stream behind it, over any number of daemons. */
class Past {
  readonly startsMs: number[] = []
  /** Whether all rows are counted and all events are acknowledged. */
  isDone = false
  readonly #dir: string
  readonly #dataDir: string
  #served: Served | null = null
  /** Batches of the stream that are acknowledged. */
  #pushed = 0
  #lives = 0

  constructor(dir: string) {
    this.#dir = dir
    this.#dataDir = join(dir, 'data')
  }

  /** A daemon goes on until it dies, an export does, or all is done; returns who has died. */
  async live(injection: Injection | null): Promise<Died> {
    // One thread does all that goes to a disk, so that its calls are counted together.
    const wrap = ['env', 'UV_THREADPOOL_SIZE=1']
    const served = new Served({ features, dataDir: this.#dataDir, port: 0, flags, wrap })
    this.#served = served
    const url = await served.url
    this.startsMs.push(await served.startMs)
    const log = join(this.#dir, `strace-${this.#lives++}`)
    const strace = injection === null ? null : await inject(injection, log, served.child.pid!)
    const hasEnded = served.ended.then(() => true)
    const worked = this.#work(url).then(
      () => false,
      async (thrown) => {
        // A request fails when the daemon dies, and for nothing else.
        if (thrown instanceof assert.AssertionError) throw thrown
        await served.ended
        return true
      },
    )
    if (await Promise.race([hasEnded, worked])) {
      await worked.catch(() => {})
      assert.equal((await served.ended).signal, 'SIGKILL', JSON.stringify(await served.ended))
      await this.#assertWhole()
      return 'daemon'
    }
    // It lets go of the daemon, which drains faster without it.
    if (strace !== null && strace.kill('SIGINT')) await once(strace, 'exit')
    const said = strace === null ? '' : await readFile(log, 'utf8')
    const ending = await served.kill('SIGTERM')
    await this.#assertWhole()
    if (ending.signal === 'SIGKILL') return 'daemon'
    assert.equal(ending.exitCode, 0, JSON.stringify(ending))
    return said.includes('killed by SIGKILL') ? 'export' : null
  }

  /** Holds all that is served, and the log, against what was counted and pushed. */
  async check(): Promise<void> {
    assert.ok(this.isDone)
    const events = batches * batchEvents
    const rows = await queryOffline(join(this.#dataDir, 'offline'), logged)
    const numbers = { events, numbers: events, first: pastRows, last: pastRows + events - 1 }
    assert.deepEqual(rows.map(asNumbers), [numbers], 'the log')
    this.#served = new Served({ features, dataDir: this.#dataDir, port: 0, flags })
    const keys = Array.from({ length: boxes }, (_, box) => ({ box }))
    const served = await readHttp(await this.#served.url, 'box_parcels', ...keys)
    const expected = keys.map(({ box }) => {
      const own = Array.from({ length: (pastRows + events) / boxes }, (_, n) => n * boxes + box)
      const sum = own.reduce((total, number) => total + number, 0)
      return { count: String(own.length), sum: String(sum), max: String(own.at(-1)) }
    })
    assert.deepEqual(
      served.map(({ values }) => ({ ...values })),
      expected,
    )
  }

  async end(): Promise<void> {
    await this.#served?.kill()
  }

  /** Counts what is left of the past, pushes what is left of the stream, and waits for its log. */
  async #work(url: string): Promise<void> {
    await post(`${url}/v1/backfill`, '{}')
    for (;;) {
      const { backfills } = await answerOf<{ backfills: readonly Backfill[] }>(
        await fetch(`${url}/v1/backfill`),
      )
      const [{ state, error }] = backfills as readonly [Backfill]
      assert.equal(error, null)
      const { offline } = await answerOf<{ offline: OfflineStatus }>(
        await fetch(`${url}/v1/status`),
      )
      // An export has died: another one would, at the same call.
      if (offline.failure !== null) return
      this.isDone = state === 'complete' && this.#pushed === batches
      if (this.isDone && offline.rows === batches * batchEvents) return
      if (this.#pushed < batches) await this.#push(url)
      else await once(AbortSignal.timeout(lookMs), 'abort')
    }
  }

  /** The next batch: the same under the same key, until it is acknowledged. */
  async #push(url: string): Promise<void> {
    const first = this.#pushed * batchEvents
    const events = Array.from({ length: batchEvents }, (_, n) => ({
      box: (first + n) % boxes,
      number: pastRows + first + n,
      at: streamStartMs + first + n,
    }))
    const headers = { 'idempotency-key': `batch ${this.#pushed}` }
    const response = await post(`${url}/v1/events/parcels`, JSON.stringify(events), headers)
    const { accepted } = await answerOf<{ accepted: number }>(response)
    assert.equal(accepted, batchEvents)
    this.#pushed += 1
  }

  /** Whoever looks at the log now sees whole files, and no event twice. */
  async #assertWhole(): Promise<void> {
    const rows = await queryOffline(join(this.#dataDir, 'offline'), logged)
    for (const row of rows) assert.equal(row['events'], row['numbers'], 'an event is there twice')
  }
}

const logged = `SELECT count(*) AS events, count(DISTINCT number) AS numbers,
  min(number) AS first, max(number) AS last FROM log`

function asNumbers(row: object): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]))
}

function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  const own = { 'content-type': 'application/json', ...headers }
  return fetch(url, { method: 'POST', headers: own, body })
}

/** Of a request that was carried out. */
async function answerOf<T>(response: Response): Promise<T> {
  const body = (await response.json()) as T
  assert.ok(response.ok, JSON.stringify(body))
  return body
}
