/**
 * `windows`: what an event costs a shard as windows slide more finely, and as there are more.
 *
 * One shard in this process, without sockets, journal or checkpoints: buffers of events as the
 * router makes them are decoded, checked and applied. Variants take turns, so that what else the
 * machine does meets all of them; each variant's cost is the median of its turns.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { hashBytes } from '../../src/base/hash.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { aggregate, streamFeatureView } from '../../src/index.ts'
import type { Catalog } from '../../src/model/catalog.ts'
import { encodeKey } from '../../src/model/key.ts'
import { createEncoder, MsgpackTimestamp } from '../../src/model/msgpack.ts'
import { SectionWriter } from '../../src/model/section.ts'
import { Shard } from '../../src/shard/shard.ts'
import { createRouteValidator } from '../../src/validate/route-validator.ts'
import { impressions, user } from '../features.ts'
import { checksum, defineBench, type Measurement, type Values } from '../harness.ts'
import { userId } from '../workload.ts'

const options = {
  keys: { standard: 1000, smoke: 10, description: 'Different entity keys' },
  events: { standard: 1_000_000, smoke: 20_000, description: 'Events of each variant' },
  turns: { standard: 10, smoke: 2, description: 'Turns in which a variant takes its events' },
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

/** Time that all events of a variant span: windows fill, and slide out of use. */
const spanMs = 3 * 3_600_000
const startMs = Date.UTC(2026, 0, 1)
const sectionEvents = 500
const seed = { k0: 1, k1: 2 }

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
  const { keys, events, turns } = values
  const directory = await mkdtemp(join(tmpdir(), 'millrace-windows-'))
  const shards = new Map<string, Shard>()
  try {
    for (const [name, catalog] of Object.entries(catalogs)) {
      const validators = catalog.routes.map((route) => createRouteValidator(catalog, route))
      const storePath = join(directory, name)
      const opened = { index: 0, catalog, validators, viewIds: [0], storePath }
      shards.set(name, await Shard.open(opened))
    }
    const costs = new Map([...shards].map(([name]) => [name, [] as number[]]))
    for (let turn = 0; turn < turns; turn++) {
      const buffers = [...buffersOf(turn, values)]
      for (const [name, shard] of shards)
        costs.get(name)!.push(nsPerEvent(shard, buffers, events / turns))
    }
    const nsOf = Object.fromEntries([...costs].map(([name, list]) => [name, median(list)]))
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

function catalogOf(view: object): Catalog {
  const definition = { name: 'spend', source: impressions, entities: [user], ...view }
  return buildCatalog([streamFeatureView(definition as never)])
}

const encoder = createEncoder()

/** The events of one turn, in buffers as the router makes them. */
function* buffersOf(
  turn: number,
  { keys, events, turns }: Values<typeof options>,
): Generator<{ readonly buffer: ArrayBuffer; readonly byteLength: number }> {
  const end = Math.round(((turn + 1) * events) / turns)
  for (let n = Math.round((turn * events) / turns); n < end;) {
    const writer = new SectionWriter(new Uint8Array(64 * 1024))
    const sectionEnd = Math.min(end, n + sectionEvents)
    writer.open(0, 0, sectionEnd, timeMsOf(sectionEnd, events))
    for (let index = 0; n < sectionEnd; n++, index++) {
      const user_id = userId(keyOf(n, keys))
      const bytes = encoder.encode({
        user_id,
        timestamp: new MsgpackTimestamp(BigInt(timeMsOf(n, events)) * 1_000_000n),
        amount: (n % 4096) / 8,
        clicked: n % 2,
        campaign: n % 100,
        country: 'NL',
      })
      const key = encodeKey(joinKeys, { user_id }) as Uint8Array
      writer.event(
        index,
        hashBytes(key, 0, key.length, seed),
        key,
        0,
        key.length,
        bytes,
        0,
        bytes.length,
      )
    }
    writer.close()
    yield writer.take()
  }
}

const joinKeys = [{ name: 'user_id', type: { kind: 'String', nullable: false } }] as const

/** Keys come in an order without pattern, each as often as the others. */
function keyOf(n: number, keys: number): number {
  return (n * 7919 + Math.floor(n / keys)) % keys
}

function timeMsOf(n: number, events: number): number {
  return startMs + Math.floor((n * spanMs) / events)
}

function nsPerEvent(
  shard: Shard,
  buffers: readonly { readonly buffer: ArrayBuffer; readonly byteLength: number }[],
  events: number,
): number {
  const rejected: never[] = []
  const startedMs = performance.now()
  for (const { buffer, byteLength } of buffers) shard.apply(buffer, byteLength, rejected)
  const ns = ((performance.now() - startedMs) * 1e6) / events
  if (rejected.length > 0) throw new Error('events were rejected')
  return ns
}

/** What is read of all keys at the end. */
function valuesOf(shard: Shard, keys: number): string {
  const texts: string[] = []
  for (let n = 0; n < keys; n++) {
    const key = encodeKey(joinKeys, { user_id: userId(n) }) as Uint8Array
    const { values } = shard.read({
      view: 0,
      shard: 0,
      keyHash: hashBytes(key, 0, key.length, seed),
      key,
      features: [0],
      leadingEdge: 'wall-clock',
      edgeMs: startMs + spanMs,
      watermarkMs: -Infinity,
      watermarkNs: 0,
    })
    texts.push(JSON.stringify(values[0]))
  }
  return texts.join(' ')
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
