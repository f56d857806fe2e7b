/**
 * The state of one level: its tiles, and those of narrower levels that they lack.
 */
import type { Level } from './layout.ts'
import { tileCell } from './row-layout.ts'
import type { TileRuns } from './tile-runs.ts'

/** One level's plan with the tiles of every slot. */
export interface LevelState {
  readonly level: Level
  readonly runs: TileRuns
  /**
   * The levels whose newest tiles this one lacks, in memory and as it is stored, the widest first;
   * none for a level that is told of every event.
   */
  readonly below: readonly LevelBelow[]
}

/** A level whose newest tile a wider one lacks. */
export interface LevelBelow {
  readonly state: LevelState
  /** By first cell of a partial in a row of the wider level: its first cell in a row of this. */
  readonly at: Int32Array
}

/** In which tile of a wider level the newest tile of a slot lies, which has one. */
export function wideTileOf(
  { state: { level, runs } }: LevelBelow,
  slot: number,
  wide: Level,
): number {
  const tile = runs.cells.f64[runs.newestRow(slot) * level.stride + tileCell]!
  return Math.floor((tile * level.widthMs) / wide.widthMs)
}
