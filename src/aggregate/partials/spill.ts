/**
 * What a float sum could not keep in its cells: a whole number of units, in the value pool.
 *
 * Algebra: identity 0, merge +; commutative, a group. Exact, without bounds. 640 bytes at most when
 * there is one; only values that lie more than ten decimal places apart need it.
 */
import type { Cells } from '../cells.ts'
import type { ValueCell } from '../partial.ts'
import type { ValuePool } from '../value-pool.ts'
import { stateCodec, type StateAlgebra } from './pooled-state.ts'

/** What was spilled, in units that its owner knows. */
export interface Spill {
  units: bigint
}

/** The most that sums of squares of doubles come to, 4300 bits, and the object around. */
const spillBytes = 640

export const spills: StateAlgebra<Spill> = {
  copy: ({ units }) => ({ units }),
  merge(into, from) {
    into.units += from.units
    return into
  },
  bytesOf: () => spillBytes,
  // msgpack has no integers of that size.
  toStored: ({ units }) => String(units),
  fromStored: (stored) => ({ units: BigInt(stored as string) }),
}

/** The cell that holds a spill's place, 0 while there is none. */
export function spillCell(cell: number): ValueCell {
  return { cell, codec: stateCodec(spills) }
}

/** Adds to the spill of a tile, whose place is in a cell. */
export function spill({ f64 }: Cells, cell: number, units: bigint, pool: ValuePool): void {
  const place = f64[cell]!
  if (place === 0) f64[cell] = pool.hold({ units }, spillBytes)
  else (pool.state(place) as Spill).units += units
}

/** Adds to the spill of merged tiles, which may be borrowed from one of them. */
export function spillMerged({ f64 }: Cells, cell: number, units: bigint, pool: ValuePool): void {
  const place = f64[cell]!
  if (place < 0) (pool.state(place) as Spill).units += units
  else f64[cell] = -pool.hold({ units: units + spilled(f64, cell, pool) }, 0)
}

/** What was spilled, in the units of who has done it. */
export function spilled(f64: Float64Array, cell: number, pool: ValuePool): bigint {
  const place = f64[cell]!
  return place === 0 ? 0n : (pool.state(place) as Spill).units
}
