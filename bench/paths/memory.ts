/**
 * `memory`: what a key costs in memory and on disk, and what it costs more as it has more tiles.
 *
 * One shard in a process of its own (`weigh.ts`), without sockets, journal or lane. Many keys get
 * one event each, of a view of aggregates over 1 h and 30 d; then, in a new shard each time, fewer
 * keys get several events, a day apart, so that each of them is one more tile.
 */
import { capacitySlack } from '../../src/aggregate/capacity.ts'
import { ViewState } from '../../src/aggregate/view-state.ts'
import { encodeKey } from '../../src/model/key.ts'
import { checksum, defineBench, type Measurement, type Values } from '../harness.ts'
import { joinKeys } from '../shard.ts'
import { weigh, weighedCatalog, type Weighed, type Weight } from '../weigh.ts'
import { userId } from '../workload.ts'

const options = {
  keys: { standard: 1_000_000, smoke: 2000, description: 'Keys with one event each' },
  aggregates: {
    standard: 6,
    description: 'Of the view: six functions, each over one window; 12 is each over both',
  },
  tiles: {
    standard: 2_000_000,
    smoke: 4000,
    description: 'Tiles of all keys together, where keys have more than two each',
  },
} as const

/** Tiles of a key: of events on so many days less one, where both widths are told of each. */
const tileCounts = [2, 10, 30] as const

/** By number of tiles that a key has. */
type ByTiles = Readonly<Record<string, number>>

// A type: an interface has no index signature.
type Figures = {
  readonly keys: number
  readonly aggregates: number
  /** Of a key with one event: as the budget counts it, as the process has grown, and stored. */
  readonly stateBytesPerKey: number
  readonly allocatedBytesPerKey: number
  readonly residentBytesPerKey: number
  readonly diskBytesPerKey: number
  /** What the first of them consists of, bytes. */
  readonly parts: {
    /** The key itself, as it is encoded. */
    readonly key: number
    readonly tiles: number
    /** Where it is found, when it was seen, where its tiles are, what is to be stored of it. */
    readonly slot: number
    /** Its share of what arrays may have to spare. */
    readonly spare: number
  }
  readonly stateBytesOfTiles: ByTiles
  readonly diskBytesOfTiles: ByTiles
  /** What one more tile costs, from the fewest to the most. */
  readonly stateBytesPerTile: number
  readonly diskBytesPerTile: number
}

export const memory = defineBench({
  name: 'memory',
  question: 'What does a key cost in memory and on disk, and what a tile?',
  options,
  headline: 'stateBytesPerKey',
  columns: {
    keys: ({ keys }: Figures) => keys.toLocaleString('en').replaceAll(',', ' '),
    aggregates: ({ aggregates }) => String(aggregates),
    'bytes a key': ({ stateBytesPerKey }) => stateBytesPerKey.toFixed(0),
    'key, tiles, slot, spare': ({ parts }) => listed(Object.values(parts), ' + '),
    allocated: ({ allocatedBytesPerKey }) => allocatedBytesPerKey.toFixed(0),
    resident: ({ residentBytesPerKey }) => residentBytesPerKey.toFixed(0),
    disk: ({ diskBytesPerKey }) => diskBytesPerKey.toFixed(0),
    '2, 10, 30 tiles': ({ stateBytesOfTiles }) => listed(Object.values(stateBytesOfTiles), ', '),
    'disk of them': ({ diskBytesOfTiles }) => listed(Object.values(diskBytesOfTiles), ', '),
    'a tile': ({ stateBytesPerTile }) => stateBytesPerTile.toFixed(0),
    'on disk': ({ diskBytesPerTile }) => diskBytesPerTile.toFixed(0),
  },
  rows: [{ aggregates: 6 }, { aggregates: 12 }],
  measure,
})

async function measure(values: Values<typeof options>): Promise<Measurement<Figures>> {
  const { aggregates } = values
  if (aggregates !== 6 && aggregates !== 12) throw new Error('--aggregates is 6 or 12')
  const weighed: Weighed[] = []
  for (const tiles of tileCounts) {
    const keys = tiles === tileCounts[0] ? values.keys : Math.ceil(values.tiles / tiles)
    weighed.push(await weigh({ keys, events: tiles - 1, aggregates }))
  }
  const weights = weighed.map(({ weight }) => weight)
  const [fewest, most] = [weights[0]!, weights.at(-1)!]
  const tilesMore = tileCounts.at(-1)! - tileCounts[0]
  const by = (of: (weight: Weight) => number): ByTiles =>
    Object.fromEntries(tileCounts.map((tiles, n) => [tiles, of(weights[n]!)]))
  return {
    figures: {
      keys: values.keys,
      aggregates,
      stateBytesPerKey: fewest.stateBytes,
      allocatedBytesPerKey: fewest.allocatedBytes,
      residentBytesPerKey: fewest.residentBytes,
      diskBytesPerKey: fewest.diskBytes,
      parts: partsOf(fewest.stateBytes, aggregates),
      stateBytesOfTiles: by(({ stateBytes }) => stateBytes),
      diskBytesOfTiles: by(({ diskBytes }) => diskBytes),
      stateBytesPerTile: (most.stateBytes - fewest.stateBytes) / tilesMore,
      diskBytesPerTile: (most.diskBytes - fewest.diskBytes) / tilesMore,
    },
    checksum: checksum(weighed.flatMap(({ lines }) => lines)),
  }
}

/** What the bytes of a key with one event consist of. */
function partsOf(stateBytes: number, aggregates: number): Figures['parts'] {
  const { levels } = new ViewState(weighedCatalog(aggregates).views[0]!, {
    seed: { k0: 0, k1: 0 },
    load: () => null,
    loadChunks: () => [],
    capture: () => {},
  })
  const told = levels.filter(({ below }) => below.length === 0)
  const key = (encodeKey(joinKeys, { user_id: userId(0) }) as Uint8Array).length
  const tiles = told.reduce((bytes, { level }) => bytes + level.stride * 8, 0)
  const spare = stateBytes - stateBytes / capacitySlack
  return { key, tiles, slot: stateBytes - spare - key - tiles, spare }
}

function listed(bytes: readonly number[], separator: string): string {
  return bytes.map((each) => each.toFixed(0)).join(separator)
}
