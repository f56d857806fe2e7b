/**
 * How the state of one view is laid out: levels of tiles, and the cells of a tile's row.
 *
 * A level is a tile width with all the windows that it serves. Every tile of a level is a row of
 * cells: the tile's number, its count of events, then the partials of the columns its features
 * need. An event costs one row update per level, whatever the number of windows.
 */
import type { Feature, View } from '../model/catalog.ts'
import { columnKind } from '../model/rows.ts'
import { sawtoothTileMs } from '../model/tiles.ts'
import type { DataType } from '../model/types.ts'
import { partialOf, planFunction, type Finalize, type PartialName } from './functions.ts'
import type { Partial } from './partial.ts'

/** Cells at the head of every row. */
export const tileCell = 0
export const eventsCell = 1
const headCells = 2

export interface PlacedPartial {
  readonly partial: Partial
  /** Place of the column in the view's `columns`. */
  readonly column: number
  /** First cell within a row. */
  readonly at: number
}

export interface PlacedFeature {
  /** Place in the view's `features`. */
  readonly index: number
  readonly finalize: Finalize
  /** First cell of the partial within a row, and the cell of the count of values. */
  readonly at: number
  readonly countAt: number
}

/** The features of a level that share a window; read in one pass over its tiles. */
export interface WindowGroup {
  readonly windowMs: number
  readonly features: readonly PlacedFeature[]
  /** The partials they need, `count`s included. */
  readonly partials: readonly PlacedPartial[]
}

export interface Level {
  readonly widthMs: number
  /** The longest window: how far back tiles are needed. */
  readonly reachMs: number
  /** Cells of a row. */
  readonly stride: number
  readonly partials: readonly PlacedPartial[]
  /** Cells of a row that hold places in the value pool. */
  readonly valueCells: readonly number[]
  /** The types of those values. */
  readonly valueTypes: readonly DataType[]
  readonly groups: readonly WindowGroup[]
}

/** The levels of a view, narrowest tiles first. */
export function planLevels(view: View): readonly Level[] {
  const byWidth = groupBy(view.features, (feature) => tileWidthMs(view, feature))
  return [...byWidth]
    .sort(([a], [b]) => a - b)
    .map(([widthMs, features]) => planLevel(view, widthMs, features))
}

function tileWidthMs(view: View, feature: Feature): number {
  return view.mode === 'interval' ? view.intervalMs : sawtoothTileMs(feature.windowMs)
}

function planLevel(view: View, widthMs: number, features: readonly Feature[]): Level {
  const placed = new Map<string, PlacedPartial>()
  let stride = headCells
  /** Places a column's partial once; returns its first cell. */
  const place = (name: PartialName, column: number): number => {
    const field = view.columns[column]!
    if (name === 'count' && !field.type.nullable) return eventsCell
    const id = `${name} ${column}`
    const known = placed.get(id)
    if (known !== undefined) return known.at
    const partial = partialOf(name, columnKind(field))
    placed.set(id, { partial, column, at: stride })
    stride += partial.cells
    return stride - partial.cells
  }
  const groups = [...groupBy(features, (feature) => feature.windowMs)].map(
    ([windowMs, ofWindow]) => ({
      windowMs,
      features: ofWindow.map((feature): PlacedFeature => {
        const column = view.columns.findIndex((field) => field.name === feature.column)
        const { partial, finalize } = planFunction(feature.fn, view.columns[column]!)
        const countAt = place('count', column)
        const at = partial === null ? countAt : place(partial, column)
        return { index: view.features.indexOf(feature), finalize, at, countAt }
      }),
    }),
  )
  const partials = [...placed.values()]
  return {
    widthMs,
    reachMs: Math.max(...features.map((feature) => feature.windowMs)),
    stride,
    partials,
    valueCells: partials.flatMap(({ partial, at }) => partial.valueCells.map((cell) => at + cell)),
    valueTypes: partials.flatMap(({ partial, column }) =>
      partial.valueCells.map(() => view.columns[column]!.type),
    ),
    groups: groups.map((group) => {
      const needed = new Set(group.features.flatMap(({ at, countAt }) => [at, countAt]))
      return { ...group, partials: partials.filter(({ at }) => needed.has(at)) }
    }),
  }
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
