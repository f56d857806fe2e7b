/**
 * Partials whose summary grows: it stands in the value pool, and its place in a cell.
 *
 * Merging borrows. The first state that comes is only pointed at; when a second one comes, a copy
 * of the first takes it up and is the merge's own: its place is negative in the cell, and it goes
 * back with `release`. So a window of one tile with events copies nothing.
 */
import type { Cells } from '../cells.ts'
import type { Partial, PlaceCodec } from '../partial.ts'
import type { ValuePool } from '../value-pool.ts'

/** What can be done with states of one kind, beside adding a value. */
export interface StateAlgebra<State> {
  /** A state that may be changed; may be of another form, fit for merging. */
  copy(state: State): State
  /** Takes up the state of a later tile, which stays as it is. Returns what `into` is now. */
  merge(into: State, from: State): State
  /** Estimated bytes, its place in the pool included. */
  bytesOf(state: State): number
  /** Plain msgpack and back. Only states of tiles are stored, none that merging has made. */
  toStored(state: State): unknown
  fromStored(stored: unknown): State
}

/** What every place costs, and a state's array in it, before it holds anything, bytes. */
export const stateBytes = 64

/** The partial of such states; only how rows are added is its own. */
export function pooledPartial<State>(
  algebra: StateAlgebra<State>,
  update: Partial['update'],
): Partial {
  return {
    cells: 1,
    valueCells: [{ cell: 0, codec: stateCodec(algebra) }],
    init({ f64 }, at) {
      f64[at] = 0
    },
    update,
    merge(into, at, from, fromAt, pool) {
      mergeState(algebra, into, at, from, fromAt, pool)
    },
    release: releaseState,
  }
}

export function mergeState<State>(
  algebra: StateAlgebra<State>,
  into: Cells,
  at: number,
  from: Cells,
  fromAt: number,
  pool: ValuePool,
): void {
  const place = from.f64[fromAt]!
  if (place === 0) return
  const own = into.f64[at]!
  const state = pool.state(place) as State
  if (own === 0) into.f64[at] = Math.abs(place)
  else if (own < 0) pool.put(-own, algebra.merge(pool.state(own) as State, state), 0)
  else {
    const merged = algebra.merge(algebra.copy(pool.state(own) as State), state)
    // It is gone before anybody asks how much the pool holds.
    into.f64[at] = -pool.hold(merged, 0)
  }
}

/** Gives back the state that merging has made, if it has made one. */
export function releaseState({ f64 }: Cells, at: number, pool: ValuePool): void {
  if (f64[at]! < 0) pool.release(-f64[at]!)
  f64[at] = 0
}

export function stateCodec<State>(algebra: StateAlgebra<State>): PlaceCodec {
  return {
    toStored(pool, place) {
      return place === 0 ? null : algebra.toStored(pool.state(place) as State)
    },
    fromStored(pool, stored) {
      if (stored === null) return 0
      const state = algebra.fromStored(stored)
      return pool.hold(state, algebra.bytesOf(state))
    },
  }
}
