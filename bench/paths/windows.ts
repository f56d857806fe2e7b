/**
 * `windows`: what an event costs a shard as windows slide more finely, and as there are more.
 *
 * One shard in this process, without sockets, journal or checkpoints: buffers of events as the
 * router makes them are decoded, checked and applied. The events of the first hour fill the windows
 * and are not measured. Then variants take turns at the same events, each turn beginning with
 * another one, so that what else the machine does meets all of them; a variant's cost is the median
 * of its turns, each compared with what the others took in the same round.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { aggregate } from '../../src/index.ts'
import type { Catalog } from '../../src/model/catalog.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { checksum, defineBench, median, type Measurement, type Values } from '../harness.ts'
import {
  applyTo,
  catalogOf,
  openShard,
  readKey,
  sectionOf,
  type SentSection,
  type ShardEvents,
} from '../shard.ts'

const options = {
  keys: { standard: 1000, smoke: 10, description: 'Different entity keys' },
  events: { standard: 1_000_000, smoke: 20_000, description: 'Events of each variant' },
  turns: { standard: 20, smoke: 2, description: 'Turns in which a variant takes its events' },
} as const

/** Windows of an hour that slide by a part of it: once, and up to 3600 times. */
const slides = { 1: '1h', 10: '6m', 60: '1m', 360: '10s', 3600: '1s' } as const
const lengths = ['1h', '2h', '3h', '4h', '5h', '6h', '7h', '8h', '9h', '10h', '11h', '12h'] as const

/** The catalogs of the variants, by name. */
const catalogs: Readonly<Record<string, Catalog>> = {
  ...Object.fromEntries(
    Object.entries(slides).map(([ratio, aggregationInterval]) => [
      `slides${ratio}`,
      catalogOf({
        mode: 'interval',
        aggregationInterval,
        features: [aggregate('amount', 'sum', '1h')],
      }),
    ]),
  ),
  windows1: catalogOf({ features: [aggregate('amount', 'sum', '1h')] }),
  windows12: catalogOf({ features: lengths.map((window) => aggregate('amount', 'sum', window)) }),
}

/** Time that all events of a variant span; the first part of it, the windows fill. */
const spanMs = 3 * 3_600_000
const fillMs = 3_600_000
const startMs = Date.UTC(2026, 0, 1)
const sectionEvents = 500

// A type: an interface has no index signature.
type Figures = {
  readonly slideSpread: number
  readonly windowsCost: number
  readonly keys: number
  readonly events: number
  /** By variant. */
  readonly nsPerEvent: Readonly<Record<string, number>>
}

export const windows = defineBench({
  name: 'windows',
  question:
    'Does an event cost more when windows slide more finely, or when there are more of them?',
  options,
  headline: 'slideSpread',
  columns: {
    keys: ({ keys }: Figures) => String(keys),
    'slide spread': ({ slideSpread }) => slideSpread.toFixed(2),
    '12 windows / 1': ({ windowsCost }) => windowsCost.toFixed(2),
    'ns, 1 slide': ({ nsPerEvent }) => nsPerEvent['slides1']!.toFixed(0),
    'ns, 60': ({ nsPerEvent }) => nsPerEvent['slides60']!.toFixed(0),
    'ns, 3600': ({ nsPerEvent }) => nsPerEvent['slides3600']!.toFixed(0),
    'ns, 1 window': ({ nsPerEvent }) => nsPerEvent['windows1']!.toFixed(0),
    'ns, 12': ({ nsPerEvent }) => nsPerEvent['windows12']!.toFixed(0),
  },
  rows: [{ keys: 100 }, { keys: 1000 }, { keys: 10_000 }],
  measure,
})

async function measure(values: Values<typeof options>): Promise<Measurement<Figures>> {
  const { keys, events } = values
  const directory = await mkdtemp(join(tmpdir(), 'millrace-windows-'))
  const shards = new Map<string, Shard>()
  try {
    for (const [name, catalog] of Object.entries(catalogs)) {
      shards.set(name, await openShard(catalog, join(directory, name)))
    }
    const nsOf = measureTurns(shards, values)
    const slid = Object.keys(slides).map((ratio) => nsOf[`slides${ratio}`]!)
    return {
      figures: {
        slideSpread: Math.max(...slid) / Math.min(...slid),
        windowsCost: nsOf['windows12']! / nsOf['windows1']!,
        keys,
        events,
        nsPerEvent: nsOf,
      },
      checksum: checksum([...shards].map(([name, shard]) => `${name} ${valuesOf(shard, keys)}`)),
    }
  } finally {
    for (const shard of shards.values()) await shard.close()
    await rm(directory, { recursive: true, force: true })
  }
}

/** Applies all events to all variants; returns the cost of one, ns by variant. */
function measureTurns(
  shards: ReadonlyMap<string, Shard>,
  { keys, events, turns }: Values<typeof options>,
): Record<string, number> {
  const sent = eventsOf(keys, events)
  const filled = Math.round((events * fillMs) / spanMs)
  for (const section of sectionsOf(sent, 0, filled)) {
    for (const shard of shards.values()) applyTo(shard, [section])
  }
  const names = [...shards.keys()]
  const rounds: number[][] = []
  for (let turn = 0; turn < turns; turn++) {
    const from = filled + Math.round((turn * (events - filled)) / turns)
    const to = filled + Math.round(((turn + 1) * (events - filled)) / turns)
    const sections = [...sectionsOf(sent, from, to)]
    const costs = new Array<number>(names.length)
    for (let n = 0; n < names.length; n++) {
      const variant = (turn + n) % names.length
      const startedMs = performance.now()
      applyTo(shards.get(names[variant]!)!, sections)
      costs[variant] = ((performance.now() - startedMs) * 1e6) / (to - from)
    }
    rounds.push(costs)
  }
  // Against the mean of its round: a machine that slows down does so for all variants.
  const means = rounds.map((costs) => costs.reduce((sum, cost) => sum + cost) / costs.length)
  const ns = median(means)
  return Object.fromEntries(
    names.map((name, variant) => [
      name,
      ns * median(rounds.map((costs, turn) => costs[variant]! / means[turn]!)),
    ]),
  )
}

/** Keys come in an order without pattern, each as often as the others. */
function eventsOf(keys: number, events: number): ShardEvents {
  return {
    keyOf: (n) => (n * 7919 + Math.floor(n / keys)) % keys,
    timeMsOf: (n) => startMs + Math.floor((n * spanMs) / events),
    amountOf: (n) => (n % 4096) / 8,
  }
}

function* sectionsOf(sent: ShardEvents, from: number, to: number): Generator<SentSection> {
  for (let at = from; at < to; at += sectionEvents) {
    const end = Math.min(to, at + sectionEvents)
    yield sectionOf(sent, { from: at, to: end }, sent.timeMsOf(end))
  }
}

/** What is read of all keys at the end. */
function valuesOf(shard: Shard, keys: number): string {
  const texts: string[] = []
  for (let key = 0; key < keys; key++) {
    const { values } = readKey(shard, key, [0], startMs + spanMs)
    texts.push(JSON.stringify(values[0]))
  }
  return texts.join(' ')
}
