/**
 * A shard with many keys on the scales, in a process of its own, so that no other memory counts.
 *
 * `weigh` starts it; what it has found comes back as a message. It fills a shard with events,
 * stores it, reads some of its keys, compares every value with what was sent, and weighs the state:
 * as the budget of a daemon counts it, as the process has grown, and on disk.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { aggregate } from '../src/index.ts'
import type { Catalog } from '../src/model/catalog.ts'
import type { Shard } from '../src/shard/shard.ts'
import { ownMemory } from './own-memory.ts'
import { applyTo, catalogOf, openShard, readKey, sectionOf, type ShardEvents } from './shard.ts'
import { userId } from './workload.ts'

export interface WeighOptions {
  readonly keys: number
  /** Of each key; the last of them now, each other one a day before the next. */
  readonly events: number
  /** Each of six functions over one of two windows is 6, over both of them 12. */
  readonly aggregates: number
}

/** Of a key, bytes. */
export interface Weight {
  readonly stateBytes: number
  /** By which the process has grown: heap and buffers, and pages that no file stands behind. */
  readonly allocatedBytes: number
  readonly residentBytes: number
  readonly diskBytes: number
}

export interface Weighed {
  readonly weight: Weight
  /** A line for each key that was read. */
  readonly lines: readonly string[]
}

const functions = ['count', 'sum', 'mean', 'min', 'max', 'last'] as const
const windows = ['1h', '30d'] as const

const dayMs = 86_400_000
const nowMs = Date.UTC(2026, 5, 1, 12)
const sectionEvents = 500
const sampledMax = 200

/**
 * Buffers of this size and above go back to the system when they are freed, with the C library of
 * Linux: else what making the events has left behind would be resident, too.
 */
const env = { MALLOC_MMAP_THRESHOLD_: '65536' }

/** The view: functions and windows of its aggregates, in their order. */
export function weighedCatalog(aggregates: number): Catalog {
  const features = placesOf(aggregates).map(([fn, window]) => aggregate('amount', fn, window))
  return catalogOf({ features })
}

export async function weigh(options: WeighOptions): Promise<Weighed> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-memory-'))
  const child = fork(fileURLToPath(import.meta.url), [path, JSON.stringify(options)], { env })
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`weighing has ended with code ${String(code)}`)
  })
  try {
    const [weighed] = (await Promise.race([once(child, 'message'), exited])) as [Weighed]
    return weighed
  } finally {
    await exited.catch(() => undefined)
    await rm(path, { recursive: true, force: true })
  }
}

/** Which function over which window. */
function placesOf(aggregates: number): (readonly [(typeof functions)[number], '1h' | '30d'])[] {
  if (aggregates === functions.length * windows.length) {
    return windows.flatMap((window) => functions.map((fn) => [fn, window] as const))
  }
  // The first half over the first window, the others over the second.
  return functions.map((fn, n) => [fn, windows[n < functions.length / 2 ? 0 : 1]] as const)
}

async function weighHere(path: string, options: WeighOptions): Promise<Weighed> {
  const { keys, events, aggregates } = options
  const catalog = weighedCatalog(aggregates)
  const before = ownMemory()
  const shard = await openShard(catalog, path)
  try {
    const sent = eventsOf(keys, events)
    for (let from = 0; from < keys * events; from += sectionEvents) {
      const to = Math.min(keys * events, from + sectionEvents)
      applyTo(shard, [sectionOf(sent, { from, to }, nowMs)])
    }
    await shard.checkpoint(nowMs, Promise.resolve(true))
    const after = ownMemory()
    const { blocks } = await stat(join(path, '000', 'data.mdb'))
    const stateBytes = shard.bytes
    const lines = check(shard, options)
    return {
      weight: {
        stateBytes: stateBytes / keys,
        allocatedBytes: Math.max(0, after.allocatedBytes - before.allocatedBytes) / keys,
        residentBytes: Math.max(0, after.residentBytes - before.residentBytes) / keys,
        diskBytes: (blocks * 512) / keys,
      },
      lines,
    }
  } finally {
    await shard.close()
  }
}

/** All keys get their first event, a number of days ago, then all their second a day later. */
function eventsOf(keys: number, events: number): ShardEvents {
  return {
    keyOf: (n) => n % keys,
    timeMsOf: (n) => nowMs - 1 - (events - 1 - Math.floor(n / keys)) * dayMs,
    amountOf: (n) => (n % 4096) / 8,
  }
}

/** Reads keys from all over. */
function check(shard: Shard, { keys, events, aggregates }: WeighOptions): string[] {
  const { amountOf } = eventsOf(keys, events)
  const places = placesOf(aggregates)
  const count = Math.min(keys, sampledMax)
  return Array.from({ length: count }, (_, n) => {
    const key = Math.floor((n * keys) / count)
    const amounts = Array.from({ length: events }, (_, nth) => amountOf(key + nth * keys))
    const facts = { '1h': factsOf(amounts.slice(-1)), '30d': factsOf(amounts) }
    const right = places.map(([fn, window]) => String(facts[window][fn])).join(' ')
    const { values } = readKey(shard, key, [...places.keys()], nowMs)
    const read = values.map(String).join(' ')
    if (read !== right) throw new Error(`${userId(key)} is ${read}, but ${right} was sent`)
    return `${userId(key)} ${right}`
  })
}

function factsOf(amounts: readonly number[]) {
  const sum = amounts.reduce((total, amount) => total + amount, 0)
  const [min, max] = [Math.min(...amounts), Math.max(...amounts)]
  const { length: count } = amounts
  return { count, sum, mean: sum / count, min, max, last: amounts.at(-1)! }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [path, options] = process.argv.slice(2)
  process.send!(await weighHere(path!, JSON.parse(options!) as WeighOptions))
  process.disconnect()
}
