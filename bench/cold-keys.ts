/**
 * More keys than memory: a store of which the state budget holds a part, read, killed, restarted.
 *
 * The daemon is a process of its own, so that its memory is its own: one event per key goes in, a
 * share of the keys gets a second one long after it was evicted, random keys are read and compared
 * with what was sent. Then the process is killed, started again over its directory, timed, and read
 * again. What comes out says whether reads are right, whether memory stays within the budget, and
 * how long a restart takes. Before all that, the same daemon is given as many events over as few
 * keys as fit the budget: what the process takes then is what more keys are compared with.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import {
  aggregate,
  createClient,
  entity,
  pushSource,
  startMillrace,
  streamFeatureView,
  t,
  type MillraceClient,
  type Receipt,
} from '../src/index.ts'

export interface ColdKeysOptions {
  readonly keys: number
  /** Budget of state in memory, all threads together, bytes. */
  readonly stateBytesMax: number
  /** @defaultValue 16 */
  readonly shards?: number
  /** @defaultValue 1 */
  readonly threads?: number
  /** Keys read before the kill, and again after the restart. @defaultValue 20_000 */
  readonly reads?: number
  readonly log?: (line: string) => void
}

export interface ColdKeysResult {
  readonly keys: number
  readonly stateBytesMax: number
  /** Most state that the lanes reported with a checkpoint, bytes, and the keys in memory then. */
  readonly stateBytes: number
  readonly keysInMemory: number
  /** Most anonymous memory of the daemon's process: while the keys fitted the budget, and after. */
  readonly rssAnonBytesFitting: number
  readonly rssAnonBytesMax: number
  readonly eventsPerSecond: number
  /** Slowest receipt of a batch, ms. */
  readonly ackMsMax: number
  readonly reads: number
  readonly wrongReads: number
  /** From the start of the process to open doors, ms. */
  readonly restartMs: number
  readonly replayedEvents: number
}

const user = entity({ name: 'user', joinKeys: { user_id: t.Int64() } })

const purchases = pushSource({
  name: 'purchases',
  schema: { user_id: t.Int64(), at: t.Timestamp(), amount: t.Float64(), items: t.Int64() },
  timestampField: 'at',
})

const spending = streamFeatureView({
  name: 'spending',
  source: purchases,
  entities: [user],
  leadingEdge: 'latest-event',
  features: [
    aggregate('amount', 'sum', '30d'),
    aggregate('amount', 'mean', '7d'),
    aggregate('items', 'sum', '7d'),
    aggregate('items', 'max', '30d'),
    aggregate('items', 'last', '1d'),
  ],
})

const features = [user, purchases, spending]

/** Event times go from here on, a few ms apart, so that all of it fits the windows. */
const startMs = Date.UTC(2024, 0, 1)
const stepMs = 5
const batchEvents = 1000
/** One key in this many gets a second event. */
const secondEvery = 16
/** Keys that fit the budget, of all, and how often each of them comes. They are read by nobody. */
const fittingShare = 1 / 12
const fittingRounds = 6

interface Started {
  readonly url: string
  readonly readyMs: number
}

interface Status {
  readonly recovery: { readonly events: number }
  readonly checkpoint: {
    readonly lanes: readonly { readonly keys: number; readonly stateBytes: number }[]
  }
}

/** Runs the whole of it in a new directory, which is removed afterwards. */
export async function run(options: ColdKeysOptions): Promise<ColdKeysResult> {
  const { keys, stateBytesMax, shards = 16, threads = 1 } = options
  const dataDir = join(tmpdir(), `millrace-cold-keys-${randomUUID()}`)
  const log = options.log ?? (() => {})
  let daemon = await Daemon.start({ dataDir, stateBytesMax, shards, threads })
  try {
    const client = createClient({ url: daemon.url })
    await publish(client, fitting(keys))
    const rssAnonBytesFitting = daemon.takeRssAnonBytesMax()
    log(`fitting: at most ${mib(rssAnonBytesFitting)} MiB`)

    const startedMs = performance.now()
    const ackMsMax = await publish(client, firstAndSecond(keys), log)
    const seconds = (performance.now() - startedMs) / 1000
    const events = keys + Math.ceil(keys / secondEvery)
    log(`${events} events in ${seconds.toFixed(1)} s`)
    const reads = Math.min(options.reads ?? 20_000, keys)
    const wrongBefore = await wrongReads(client, keys, reads)
    const rssAnonBytesMax = daemon.takeRssAnonBytesMax()
    const most = daemon.most
    await daemon.kill()
    await client.close()
    log(`killed; ${wrongBefore} wrong; at most ${mib(rssAnonBytesMax)} MiB`)

    daemon = await Daemon.start({ dataDir, stateBytesMax, shards, threads })
    const { recovery } = await daemon.status()
    const reader = createClient({ url: daemon.url })
    const wrongAfter = await wrongReads(reader, keys, reads)
    await reader.close()
    return {
      keys,
      stateBytesMax,
      stateBytes: most.stateBytes,
      keysInMemory: most.keys,
      rssAnonBytesFitting,
      rssAnonBytesMax,
      eventsPerSecond: Math.round(events / seconds),
      ackMsMax: Math.round(ackMsMax),
      reads: 2 * reads,
      wrongReads: wrongBefore + wrongAfter,
      restartMs: Math.round(daemon.readyMs),
      replayedEvents: recovery.events,
    }
  } finally {
    await daemon.kill()
    await rm(dataDir, { recursive: true, force: true })
  }
}

interface Purchase {
  readonly user_id: number
  readonly at: number
  readonly amount: number
  readonly items: number
}

function* fitting(keys: number): Generator<Purchase> {
  const count = Math.floor(keys * fittingShare)
  for (let n = 0; n < count * fittingRounds; n++) {
    yield { user_id: -1 - (n % count), at: startMs, amount: 1, items: 1 }
  }
}

/** One event of every key, then another of some. */
function* firstAndSecond(keys: number): Generator<Purchase> {
  for (let key = 0; key < keys; key++) yield purchase(key, key, 1)
  for (let key = 0; key < keys; key += secondEvery) yield purchase(key, keys + key, 2)
}

/** What the key's n-th event says can be computed from the key. */
function purchase(key: number, place: number, nth: number): Purchase {
  return { user_id: key, at: startMs + place * stepMs, amount: key / 4, items: key * nth }
}

function expected(key: number): Readonly<Record<string, unknown>> {
  const events = key % secondEvery === 0 ? 2 : 1
  const items = BigInt(key)
  return {
    amount_sum_30d: (key / 4) * events,
    amount_mean_7d: key / 4,
    items_sum_7d: events === 2 ? 3n * items : items,
    items_max_30d: BigInt(events) * items,
    items_last_1d: BigInt(events) * items,
  }
}

/** Publishes in batches as fast as they are acknowledged; returns the slowest receipt, ms. */
async function publish(
  client: MillraceClient,
  events: Iterable<Purchase>,
  log: (line: string) => void = () => {},
): Promise<number> {
  let ackMsMax = 0
  let sent = 0
  let rejected = 0
  const receipts = new Set<Promise<void>>()
  const send = async (batch: readonly Purchase[]): Promise<void> => {
    await client.ready()
    const sentMs = performance.now()
    const pending: Promise<void> = client.publish(purchases, batch).then((receipt: Receipt) => {
      ackMsMax = Math.max(ackMsMax, performance.now() - sentMs)
      rejected += receipt.rejected.length
      receipts.delete(pending)
    })
    receipts.add(pending)
    sent += batch.length
    if (sent % 500_000 === 0) log(`${sent} events`)
  }
  let batch: Purchase[] = []
  for (const event of events) {
    if (batch.push(event) < batchEvents) continue
    await send(batch)
    batch = []
  }
  await send(batch)
  await Promise.all(receipts)
  if (rejected > 0) throw new Error(`${rejected} events were rejected`)
  return ackMsMax
}

/** Reads keys all over the key space and counts those that are not as they should be. */
async function wrongReads(client: MillraceClient, keys: number, reads: number): Promise<number> {
  // Steps of a prime visit the keys in an order without pattern.
  const step = 982_451_653 % keys || 1
  let wrong = 0
  for (let n = 0; n < reads; n += 500) {
    const asked = Array.from(
      { length: Math.min(500, reads - n) },
      (_, i) => ((n + i) * step) % keys,
    )
    const vectors = await client.get(
      spending,
      asked.map((user_id) => ({ user_id })),
    )
    vectors.forEach(({ values }, i) => {
      const right = expected(asked[i]!)
      const read: Readonly<Record<string, unknown>> = values
      if (Object.keys(right).some((name) => read[name] !== right[name])) wrong += 1
    })
  }
  return wrong
}

interface DaemonOptions {
  readonly dataDir: string
  readonly stateBytesMax: number
  readonly shards: number
  readonly threads: number
}

/** The daemon in a process of its own, watched. */
class Daemon {
  readonly url: string
  readonly readyMs: number
  readonly #child: ChildProcess
  readonly #timer: NodeJS.Timeout
  #rssAnonBytesMax = 0
  #most = { keys: 0, stateBytes: 0 }

  private constructor(child: ChildProcess, started: Started) {
    this.#child = child
    this.url = started.url
    this.readyMs = started.readyMs
    this.#timer = setInterval(() => void this.#watch(), 20)
  }

  static async start(options: DaemonOptions): Promise<Daemon> {
    const startedMs = performance.now()
    const child = fork(fileURLToPath(import.meta.url), ['daemon', JSON.stringify(options)])
    const exited = once(child, 'exit').then(([code]) => {
      throw new Error(`the daemon ended with code ${String(code)} before it was ready`)
    })
    const [url] = (await Promise.race([once(child, 'message'), exited])) as [string]
    exited.catch(() => undefined)
    return new Daemon(child, { url, readyMs: performance.now() - startedMs })
  }

  /** The greatest state that was reported so far. */
  get most(): { readonly keys: number; readonly stateBytes: number } {
    return this.#most
  }

  rssAnonBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    return Number(/^RssAnon:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  }

  /** The greatest since the call before. */
  takeRssAnonBytesMax(): number {
    const max = Math.max(this.#rssAnonBytesMax, this.rssAnonBytes())
    this.#rssAnonBytesMax = 0
    return max
  }

  async status(): Promise<Status> {
    return (await (await fetch(`${this.url}/v1/status`)).json()) as Status
  }

  async kill(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }

  async #watch(): Promise<void> {
    this.#rssAnonBytesMax = Math.max(this.#rssAnonBytesMax, this.rssAnonBytes())
    // A killed daemon does not answer.
    const status = await this.status().catch(() => null)
    if (status === null) return
    const { checkpoint } = status
    const stateBytes = checkpoint.lanes.reduce((sum, lane) => sum + lane.stateBytes, 0)
    const keys = checkpoint.lanes.reduce((sum, lane) => sum + lane.keys, 0)
    if (stateBytes > this.#most.stateBytes) this.#most = { keys, stateBytes }
  }
}

const mib = (bytes: number): number => Math.round(bytes / 1024 / 1024)

async function main(): Promise<void> {
  const [role, argument] = process.argv.slice(2)
  if (role === 'daemon') {
    const options = JSON.parse(argument!) as DaemonOptions
    const { url } = await startMillrace({ features, ...options })
    process.send!(url)
    return
  }
  // A key takes some 230 bytes of state: this is a tenth of them.
  const [keys = 2_000_000, stateMib = (keys * 23) / 2 ** 20, threads = 1] = process.argv
    .slice(2)
    .map(Number)
  const result = await run({
    keys,
    stateBytesMax: Math.round(stateMib * 2 ** 20),
    threads,
    log: (line) => console.error(line),
  })
  console.log(JSON.stringify(result, null, 2))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
