/**
 * Levels whose tiles are told of an event late.
 *
 * An event is in a tile of every level of its view, and most come in the order of time. So it goes
 * into the newest tile of the narrowest level and nowhere else; when a newer tile begins, the one
 * before is folded into the tile of the next level which it lies in, whole. A level thus lacks what
 * is in the newest tile of the level below, and so does that of the one below it: a read adds those
 * tiles. An event that is not of the newest tile, which are late or few, goes into the next level
 * at once, and so on until it is of the newest tile there.
 *
 * What it takes: tiles that lie in one another, and partials that can be folded. Everything in a
 * wider tile is then earlier than what is folded into it, as `merge` wants it.
 */
import type { View } from '../model/catalog.ts'
import { horizonOf } from './lateness.ts'
import type { Level } from './layout.ts'
import { wideTileOf, type LevelBelow, type LevelState } from './level-state.ts'
import { eventsCell, tileCell } from './row-layout.ts'
import type { SlotRecords } from './slot-records.ts'
import { TileRuns } from './tile-runs.ts'
import type { ValuePool } from './value-pool.ts'

/** A level, and one below it that is folded into it. */
interface Fold {
  readonly into: LevelState
  readonly from: LevelBelow
}

/** What the levels of a view have in common. */
interface ViewParts {
  readonly view: View
  readonly pool: ValuePool
  readonly records: SlotRecords
}

/** The state of levels, narrowest tiles first. */
export function createLevels(
  levels: readonly Level[],
  { view, pool, records }: ViewParts,
): readonly LevelState[] {
  const states: LevelState[] = []
  for (const [place, level] of levels.entries()) {
    const narrower = states.at(-1)
    const below = narrower === undefined ? [] : levelsBelow(view, level, narrower)
    states.push({ level, runs: new TileRuns(level, pool, records, place), below })
  }
  for (const { runs } of states) {
    const wider = states.flatMap((into): Fold[] => {
      const from = into.below.find(({ state }) => state.runs === runs)
      return from === undefined ? [] : [{ into, from }]
    })
    if (wider.length > 0) runs.onPassed = (slot, edgeMs) => foldNewest(wider, slot, edgeMs, pool)
  }
  return states
}

/** The levels below one, the widest first; none for a level that is told of every event. */
function levelsBelow(view: View, level: Level, narrower: LevelState): readonly LevelBelow[] {
  // There, tiles are counted again, or cut through. Those of a secondary key cannot be folded.
  if (view.lastWriteWins || view.mode === 'continuous') return []
  if (level.widthMs % narrower.level.widthMs !== 0) return []
  if (level.startMs !== -Infinity || narrower.level.startMs !== -Infinity) return []
  const at = placesIn(level, narrower.level)
  if (at === null) return []
  const further = narrower.below.map(({ state, at: placesBelow }) => {
    return { state, at: at.map((cell) => placesBelow[cell]!) }
  })
  return [{ state: narrower, at }, ...further]
}

/** Where the partials of one level stand in the rows of another; null when not all of them do. */
function placesIn(level: Level, narrower: Level): Int32Array | null {
  const at = new Int32Array(level.stride)
  for (const placed of level.partials) {
    const same = narrower.partials.find(
      ({ name, column }) => name === placed.name && column === placed.column,
    )
    if (same?.partial.fold === undefined) return null
    at[placed.at] = same.at
  }
  return at
}

/** Adds a slot's newest tile to the tile of the next level that some window may need. */
function foldNewest(wider: readonly Fold[], slot: number, edgeMs: number, pool: ValuePool): void {
  for (const { into, from } of wider) {
    const tile = wideTileOf(from, slot, into.level)
    if (tile >= horizonOf(into.level, edgeMs)) {
      foldInto(into, from, { slot, tile, edgeMs }, pool)
      return
    }
    // What it holds is older, and so has to be in the next level first.
    into.runs.dropExpired(slot, edgeMs)
  }
}

function foldInto(
  { level, runs }: LevelState,
  from: LevelBelow,
  { slot, tile, edgeMs }: { readonly slot: number; readonly tile: number; readonly edgeMs: number },
  pool: ValuePool,
): void {
  const { level: narrow, runs: narrowRuns } = from.state
  const own = narrowRuns.newestRow(slot) * narrow.stride
  const events = narrowRuns.cells.f64[own + eventsCell]!
  // It has begun in this step, as has the one after it: its rows go into the next level at once.
  if (events === 0) return
  const to = runs.row(slot, tile, edgeMs) * level.stride
  const startMs = narrowRuns.cells.f64[own + tileCell]! * narrow.widthMs
  const shiftNs = (startMs - tile * level.widthMs) * 1e6
  runs.cells.f64[to + eventsCell]! += events
  for (const { partial, at } of level.partials) {
    partial.fold!(runs.cells, to + at, narrowRuns.cells, own + from.at[at]!, shiftNs, pool)
  }
}
