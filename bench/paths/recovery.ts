/**
 * `recovery`: how long a daemon takes from the start of its process until it serves.
 *
 * With an empty store; with a journal of many events behind the last checkpoint, as a kill leaves
 * it; and with a store of many keys. Both are made without a daemon, and read over HTTP when one
 * has started over them; a start after which a value is not what it must be has no result.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { startDaemon, type Daemon } from '../daemon.ts'
import { checksum, defineBench, type Measurement, type Settings, type Values } from '../harness.ts'
import { appendFrames } from '../journalled.ts'
import { amountOf, storeKeys } from '../stored-keys.ts'
import { createImpressions, userId } from '../workload.ts'
import { checkFeatures, readRows } from './ingest-check.ts'

const options = {
  events: { standard: 10_000_000, smoke: 20_000, description: 'Events in the journal; 0 is none' },
  keys: { standard: 100_000, smoke: 1000, description: 'Different entity keys of the events' },
  frame: { standard: 1000, smoke: 100, description: 'Events in a batch of the journal' },
  threads: { standard: 1, description: 'Threads that own the shards' },
  'store-keys': {
    standard: 10_000_000,
    smoke: 20_000,
    description: 'Keys in the store, one event each; 0 is none',
  },
} as const

/** Keys of the store that are read. */
const sampledMax = 1000

/** Event time of what is stored, before the store is made, ms: within both windows. */
const storedAgeMs = 60_000

interface RecoveryFigures extends Record<string, number> {
  readonly events: number
  readonly keys: number
  readonly threads: number
  /** The start over an existing and empty store. */
  readonly emptyMs: number
  /** The start over the journal, and what it took longer than the empty one, an event. */
  readonly replayMs: number
  readonly replayNsPerEvent: number
  readonly replayRssBytes: number
  /** CPU time of that start by thread, whatever else the machine did: it had to take as long. */
  readonly mainCpuMs: number
  readonly shardCpuMs: number
  readonly storeKeys: number
  /** The start over the store. */
  readonly storeMs: number
  readonly storeRssBytes: number
}

export const recovery = defineBench({
  name: 'recovery',
  question: 'How long does a start take over a long journal, and over a large store?',
  options,
  headline: 'replayMs',
  columns: {
    events: ({ events }: RecoveryFigures) => grouped(events),
    keys: ({ keys }) => grouped(keys),
    threads: ({ threads }) => String(threads),
    'replay s': ({ replayMs }) => seconds(replayMs),
    'min – max': ({ min, max }) => `${seconds(min)} – ${seconds(max)}`,
    'CPU s, main': ({ mainCpuMs }) => seconds(mainCpuMs),
    shard: ({ shardCpuMs }) => seconds(shardCpuMs),
    'ns an event': ({ replayNsPerEvent }) => grouped(replayNsPerEvent),
    'RSS MiB': ({ replayRssBytes }) => grouped(replayRssBytes / 2 ** 20),
    'stored keys': ({ storeKeys }) => grouped(storeKeys),
    'ready s': ({ storeMs }) => seconds(storeMs),
    'empty s': ({ emptyMs }) => seconds(emptyMs),
  },
  rows: [
    { keys: 1000, 'store-keys': 10_000_000 },
    { keys: 100_000, 'store-keys': 1_000_000 },
    { keys: 1_000_000, 'store-keys': 100_000 },
  ],
  measure,
})

async function measure(
  values: Values<typeof options>,
  settings: Settings,
): Promise<Measurement<RecoveryFigures>> {
  const { keys, threads } = values
  const dir = await mkdtemp(join(tmpdir(), 'millrace-recovery-'))
  const flags = ['--threads', String(threads)]
  try {
    const [journalled, stored] = [join(dir, 'journalled'), join(dir, 'stored')]
    const emptyMs = await emptyStart(journalled, flags)
    await emptyStart(stored, flags)
    const replayed = await measureReplay(journalled, values, settings, flags)
    const ready = await measureStore(stored, values['store-keys'], flags)
    const nsPerEvent = (Math.max(0, replayed.readyMs - emptyMs) * 1e6) / replayed.events
    return {
      figures: {
        events: replayed.events,
        keys,
        threads,
        emptyMs,
        replayMs: replayed.readyMs,
        replayNsPerEvent: nsPerEvent,
        replayRssBytes: replayed.rssBytes,
        mainCpuMs: replayed.cpuMs.main,
        shardCpuMs: replayed.cpuMs.shard,
        storeKeys: values['store-keys'],
        storeMs: ready.readyMs,
        storeRssBytes: ready.rssBytes,
      },
      checksum: checksum([...replayed.lines, ...ready.lines]),
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Makes a store, and starts over it once more; returns how long that took, ms. */
async function emptyStart(dataDir: string, flags: readonly string[]): Promise<number> {
  const options = { profileDir: null, dataDir, flags }
  await (await startDaemon(options)).stop()
  const daemon = await startDaemon(options)
  await daemon.stop()
  return daemon.readyMs
}

async function measureReplay(
  dataDir: string,
  { keys, events, frame: frameEvents }: Values<typeof options>,
  { seed, profileDir }: Settings,
  flags: readonly string[],
) {
  const workload = createImpressions({ keys, zipf: 0, frameEvents, seed })
  const frames = Math.ceil(events / frameEvents)
  const frameTimesMs = await appendFrames(dataDir, workload, frames)
  const daemon = await startDaemon({ profileDir, dataDir, flags })
  try {
    const { main, others } = await daemon.cpu()
    const cpuMs = { main: main / 1e6, shard: Math.max(...others.values(), 0) / 1e6 }
    const { recovery } = await daemon.status()
    if (recovery.events !== frames * frameEvents) {
      throw new Error(`${recovery.events} events were replayed of ${frames * frameEvents}`)
    }
    const lines = await checkFeatures({ url: daemon.url, keys, workload, load: { frameTimesMs } })
    return { ...(await readyOf(daemon)), cpuMs, events: recovery.events, lines }
  } finally {
    await daemon.stop()
  }
}

async function measureStore(dataDir: string, keys: number, flags: readonly string[]) {
  await storeKeys(dataDir, keys, systemClock.nowMs() - storedAgeMs)
  const daemon = await startDaemon({ profileDir: null, dataDir, flags })
  try {
    const ready = await readyOf(daemon)
    return { ...ready, lines: await checkStored(daemon.url, keys) }
  } finally {
    await daemon.stop()
  }
}

/** Reads keys from all over the store; each must be as its only event has left it. */
async function checkStored(url: string, keys: number): Promise<string[]> {
  const count = Math.min(keys, sampledMax)
  const sample = Array.from({ length: count }, (_, n) => Math.floor((n * keys) / count))
  const rows = await readRows(url, sample)
  return sample.map((key, n) => {
    const amount = amountOf(key)
    const expected = { count: '1', sum: amount, mean: amount, min: amount, max: amount }
    for (const window of ['1h', '24h']) {
      for (const [fn, value] of Object.entries({ ...expected, last: amount })) {
        const read = rows[n]!.values[`amount_${fn}_${window}`]
        if (read === value) continue
        throw new Error(`${userId(key)}: ${fn} of ${window} is ${String(read)}, not ${value}`)
      }
    }
    return `${key} ${amount}`
  })
}

async function readyOf(daemon: Daemon) {
  return { readyMs: daemon.readyMs, rssBytes: await daemon.rssBytesMax() }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2)
}

function grouped(number: number): string {
  return String(Math.round(number)).replaceAll(/(?<=\d)(?=(\d{3})+$)/g, ' ')
}
