/**
 * The row of a tile: which partials stand in which of its cells, and what features make of them.
 *
 * A row begins with the tile's number and its count of events. Functions over one column share the
 * partials that they have in common. With a secondary key a row has one partial more and none else:
 * a table of such rows, one for each value of the key (`partials/grouped.ts`).
 */
import type { HashSeed } from '../base/hash.ts'
import type { Feature, View } from '../model/catalog.ts'
import type { Field, Value } from '../model/types.ts'
import {
  planAttribute,
  planFunction,
  type Finalize,
  type FunctionPlan,
  type NamedPartial,
} from './functions.ts'
import { count } from './partials/count.ts'
import { answered } from './partials/entries.ts'
import { grouped, groupsAt } from './partials/grouped.ts'
import type { Span } from './window.ts'

/** Cells at the head of every row. */
export const tileCell = 0
export const eventsCell = 1
const headCells = 2

export interface PlacedPartial extends NamedPartial {
  /** Place of the column in the view's `columns`. */
  readonly column: number
  /** First cell within a row. */
  readonly at: number
}

export interface PlacedFeature {
  /** Place in the view's `features`. */
  readonly index: number
  /** Place in the feature's value, when that is a list with a value for each of several windows. */
  readonly element: number | null
  readonly finalize: Finalize
  /** The value over events of which none has a value. */
  readonly ofNulls: Value
  /** First cells of the partials within a row, and the cell of the count of values. */
  readonly at: readonly number[]
  readonly countAt: number
}

/** The features of a level that share a window; read in one pass over its tiles. */
export interface WindowGroup {
  readonly span: Span
  readonly features: readonly PlacedFeature[]
  /** The partials they need, `count`s included. */
  readonly partials: readonly PlacedPartial[]
}

/** A group with only some of its features, and only what they need; null without any. */
export function narrowed(group: WindowGroup, wanted: ReadonlySet<number>): WindowGroup | null {
  const features = group.features.filter(({ index }) => wanted.has(index))
  if (features.length === group.features.length) return group
  if (features.length === 0) return null
  return { span: group.span, features, partials: partialsOf(features, group.partials) }
}

/** Those partials that features need. */
function partialsOf(
  features: readonly PlacedFeature[],
  partials: readonly PlacedPartial[],
): readonly PlacedPartial[] {
  const needed = new Set(features.flatMap(({ at, countAt }) => [...at, countAt]))
  return partials.filter(({ at }) => needed.has(at))
}

/** One window of one feature. */
export interface Demand {
  readonly feature: Feature
  /** As in {@link PlacedFeature}. */
  readonly element: number | null
  readonly span: Span
}

export interface RowLayout {
  /** Cells of a row. */
  readonly stride: number
  readonly partials: readonly PlacedPartial[]
  readonly groups: readonly WindowGroup[]
}

/** What is laid out: the state of a view in a store. */
export interface Planned {
  readonly view: View
  /** The secret of the store, for hashes of values. */
  readonly seed: HashSeed
}

/** Lays out the rows of a level; each of `bySpan` are the demands of one window. */
export function layOutRow(planned: Planned, bySpan: readonly (readonly Demand[])[]): RowLayout {
  const { view } = planned
  const row = layOutCells(planned, bySpan)
  return view.secondaryKey === null ? row : layOutGroups(view, view.secondaryKey, row)
}

function layOutCells({ view, seed }: Planned, bySpan: readonly (readonly Demand[])[]): RowLayout {
  const placed = new Map<string, PlacedPartial>()
  let stride = headCells
  /** Places a column's partial once; returns its first cell. */
  const place = ({ name, partial }: NamedPartial, column: number): number => {
    const id = `${name} ${column}`
    const known = placed.get(id)
    if (known !== undefined) return known.at
    placed.set(id, { name, partial, column, at: stride })
    stride += partial.cells
    return stride - partial.cells
  }
  const placeFeature = ({ feature, element }: Demand): PlacedFeature => {
    const column = view.columns.findIndex((field) => field.name === feature.column)
    const field = view.columns[column]!
    const index = view.features.indexOf(feature)
    const { partials, finalize, ofNulls } = planFeature(feature, field, seed)
    // Every row of a column without nulls has a value, and so may the latest row have.
    const isCounted = feature.kind === 'aggregate' && field.type.nullable
    const countAt = isCounted ? place({ name: 'count', partial: count }, column) : eventsCell
    const at = partials.map((each) => place(each, column))
    return { index, element, finalize, ofNulls, at, countAt }
  }
  const features = bySpan.map((demands) => demands.map(placeFeature))
  const partials = [...placed.values()]
  const groups = features.map((ofSpan, n) => {
    const theirs = partialsOf(ofSpan, partials)
    return { span: bySpan[n]![0]!.span, features: ofSpan, partials: theirs }
  })
  return { stride, partials, groups }
}

function planFeature(feature: Feature, field: Field, seed: HashSeed): FunctionPlan {
  switch (feature.kind) {
    case 'aggregate':
      return planFunction({ fn: feature.fn, field, seed })
    case 'attribute':
      return planAttribute(field)
    case 'secondary-keys':
      // Said by the table itself.
      return { partials: [], finalize: () => null, ofNulls: null }
  }
}

function layOutGroups(view: View, secondaryKey: string, row: RowLayout): RowLayout {
  const { stride, partials } = row
  const key = view.columns.findIndex(({ name }) => name === secondaryKey)
  const table = { fields: view.columns, key, stride, eventsAt: eventsCell, partials }
  const placed = { name: 'grouped', partial: grouped(table), column: key, at: headCells }
  const ofGroups = (feature: PlacedFeature): PlacedFeature => ({
    ...feature,
    ofNulls: null,
    at: [placed.at],
    countAt: eventsCell,
    finalize:
      view.features[feature.index]!.kind === 'secondary-keys'
        ? keysOfGroups(view.columns[key]!)
        : valuesOfGroups(feature),
  })
  return {
    stride: headCells + placed.partial.cells,
    partials: [placed],
    groups: row.groups.map(({ span, features }) => ({
      span,
      features: features.map(ofGroups),
      partials: [placed],
    })),
  }
}

function keysOfGroups(field: Field): Finalize {
  return (cells, [at], _events, pool) => {
    const { keys, order } = groupsAt(cells, at!, pool)
    return answered(
      field,
      order.map((n) => keys[n]!),
    )
  }
}

/** The values of a feature, in the order of the secondary keys. */
function valuesOfGroups({ finalize, ofNulls, at, countAt }: PlacedFeature): Finalize {
  return (cells, [tableAt], _events, pool) => {
    const groups = groupsAt(cells, tableAt!, pool)
    const values = groups.order.map((n) => {
      const row = groups.cellOf(n)
      const counted = groups.cells.f64[row + countAt]!
      if (counted === 0) return ofNulls
      const places = at.map((cell) => row + cell)
      return finalize(groups.cells, places, counted, pool)
    })
    return values.includes(undefined) ? undefined : (values as readonly Value[])
  }
}
