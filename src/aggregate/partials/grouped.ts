/**
 * Partials apart for each value of a secondary key: a table of rows of cells, one row per value.
 *
 * Algebra: identity the empty table, merge unites the tables and merges the rows of equal values;
 * what the partials of a row are, the table is. 8 bytes, and in the pool 128 and, for each value, a
 * row of cells and about 64.
 */
import { Column } from '../../model/rows.ts'
import type { Field, Value } from '../../model/types.ts'
import { Cells } from '../cells.ts'
import type { Partial, PlaceCodec, TiledRows } from '../partial.ts'
import { fromStored, toStored } from '../stored-value.ts'
import { compareText } from '../text-order.ts'
import { valueSize, type ValuePool } from '../value-pool.ts'
import { entryReader } from './entries.ts'

/** How the row of a value is laid out. */
export interface GroupLayout {
  /** The columns of the view. */
  readonly fields: readonly Field[]
  /** Place of the secondary key among them; it is never null. */
  readonly key: number
  /** Cells of a row, and which of them counts its events. */
  readonly stride: number
  readonly eventsAt: number
  readonly partials: readonly {
    readonly partial: Partial
    readonly column: number
    readonly at: number
  }[]
}

/** What a table costs, and a value in it beside its row and itself, bytes. */
const tableBytes = 128
const groupBytes = 64

const rowsInitial = 2

/** The table of one tile, or of a merge. Row 0 is not used: partials add nothing there. */
export class Groups {
  readonly keys: Value[] = []
  readonly cells: Cells
  readonly #rows = new Map<Value, number>()
  readonly #layout: GroupLayout
  #capacity = rowsInitial
  #order: readonly number[] | null = null

  constructor(layout: GroupLayout) {
    this.#layout = layout
    this.cells = new Cells(rowsInitial * layout.stride)
  }

  /** First cell of the row of `keys[n]`. */
  cellOf(n: number): number {
    return (n + 1) * this.#layout.stride
  }

  /** First cell of a value's row, made if it is not there. */
  rowOf(key: Value): number {
    const known = this.#rows.get(key)
    if (known !== undefined) return this.cellOf(known)
    const n = this.keys.push(key) - 1
    this.#rows.set(key, n)
    this.#order = null
    if (n + 2 > this.#capacity) {
      this.#capacity = Math.max(n + 2, Math.ceil(this.#capacity * 1.5))
      this.cells.grow(this.#capacity * this.#layout.stride)
    }
    const cell = this.cellOf(n)
    this.cells.f64[cell + this.#layout.eventsAt] = 0
    for (const { partial, at } of this.#layout.partials) partial.init(this.cells, cell + at)
    return cell
  }

  has(key: Value): boolean {
    return this.#rows.has(key)
  }

  /** Places of the keys in their order: numbers by size, text by code point, false before true. */
  get order(): readonly number[] {
    const { keys } = this
    this.#order ??= keys.map((_, n) => n).sort((a, b) => compareKeys(keys[a]!, keys[b]!))
    return this.#order
  }
}

export function grouped(layout: GroupLayout): Partial {
  const field = layout.fields[layout.key]!
  const readKey = entryReader(field)
  const one = new OneRow(layout.fields)
  return {
    cells: 1,
    valueCells: [{ cell: 0, codec: groupsCodec(layout) }],
    init({ f64 }, at) {
      f64[at] = 0
    },
    update({ f64 }, at, rows, keys, pool) {
      const { from, to, cellOf } = rows
      for (let i = from; i < to; i++) {
        if (cellOf[i] === 0) continue
        const cell = cellOf[i]! + at
        if (f64[cell] === 0) f64[cell] = pool.hold(new Groups(layout), tableBytes)
        const groups = pool.state(f64[cell]!) as Groups
        const key = readKey(keys, i)
        if (!groups.has(key)) pool.put(f64[cell]!, groups, groupSize(key, layout))
        const row = groups.rowOf(key)
        groups.cells.f64[row + layout.eventsAt]! += 1
        one.take(rows, i, row)
        for (const { partial, column, at: inRow } of layout.partials) {
          partial.update(groups.cells, inRow, one, one.columns[column]!, pool)
        }
      }
    },
    merge(into, at, from, fromAt, pool) {
      const place = from.f64[fromAt]!
      if (place === 0) return
      const own = into.f64[at]!
      if (own === 0) {
        into.f64[at] = Math.abs(place)
        return
      }
      if (own > 0) {
        const united = new Groups(layout)
        unite(united, pool.state(own) as Groups, layout, pool)
        // It is gone before anybody asks how much the pool holds.
        into.f64[at] = -pool.hold(united, 0)
      }
      unite(pool.state(into.f64[at]!) as Groups, pool.state(place) as Groups, layout, pool)
    },
    release({ f64 }, at, pool) {
      const own = f64[at]!
      f64[at] = 0
      if (own >= 0) return
      const groups = pool.state(own) as Groups
      groups.keys.forEach((_, n) => {
        for (const { partial, at: inRow } of layout.partials) {
          partial.release?.(groups.cells, groups.cellOf(n) + inRow, pool)
        }
      })
      pool.release(-own)
    },
  }
}

/** The table behind a cell that is not empty. */
export function groupsAt({ f64 }: Cells, at: number, pool: ValuePool): Groups {
  return pool.state(f64[at]!) as Groups
}

function unite(into: Groups, from: Groups, layout: GroupLayout, pool: ValuePool): void {
  from.keys.forEach((key, n) => {
    const fromRow = from.cellOf(n)
    const row = into.rowOf(key)
    into.cells.f64[row + layout.eventsAt]! += from.cells.f64[fromRow + layout.eventsAt]!
    for (const { partial, at } of layout.partials) {
      partial.merge(into.cells, row + at, from.cells, fromRow + at, pool)
    }
  })
}

/** `[keys, cells of the rows, what the pool holds for them]`, in the order of the keys' coming. */
function groupsCodec(layout: GroupLayout): PlaceCodec {
  const { type } = layout.fields[layout.key]!
  const valueCells = layout.partials.flatMap(({ partial, at }) =>
    partial.valueCells.map(({ cell, codec }) => ({ cell: at + cell, codec })),
  )
  return {
    toStored(pool, place) {
      if (place === 0) return null
      const groups = pool.state(place) as Groups
      const { keys, cells } = groups
      const values = keys.flatMap((_, n) =>
        valueCells.map(({ cell, codec }) =>
          codec.toStored(pool, cells.f64[groups.cellOf(n) + cell]!),
        ),
      )
      const rows = cells.f64.slice(layout.stride, groups.cellOf(keys.length))
      return [keys.map((key) => toStored(type, key)), new Uint8Array(rows.buffer), values]
    },
    fromStored(pool, stored) {
      if (stored === null) return 0
      const [keys, bytes, values] = stored as [unknown[], Uint8Array, unknown[]]
      const groups = new Groups(layout)
      let size = tableBytes
      for (const each of keys) {
        const key = fromStored(type, each)
        groups.rowOf(key)
        size += groupSize(key, layout)
      }
      new Uint8Array(groups.cells.low.buffer).set(bytes, layout.stride * 8)
      let next = 0
      keys.forEach((_, n) => {
        for (const { cell, codec } of valueCells) {
          groups.cells.f64[groups.cellOf(n) + cell] = codec.fromStored(pool, values[next++])
        }
      })
      return pool.hold(groups, size)
    },
    drop(pool, place) {
      const groups = pool.state(place) as Groups
      groups.keys.forEach((_, n) => {
        for (const { cell, codec } of valueCells) {
          const inner = groups.cells.f64[groups.cellOf(n) + cell]!
          codec.drop?.(pool, inner)
          pool.release(inner)
        }
      })
    },
  }
}

function groupSize(key: Value, { stride }: GroupLayout): number {
  return groupBytes + stride * 8 + valueSize(key)
}

function compareKeys(a: Value, b: Value): number {
  if (typeof a === 'string') return compareText(a, b)
  return a! < b! ? -1 : a! > b! ? 1 : 0
}

/** One row of a batch as a batch of its own. */
class OneRow implements TiledRows {
  readonly from = 0
  readonly to = 1
  readonly cellOf = new Int32Array(1)
  readonly offsetNs = new Float64Array(1)
  readonly columns: readonly Column[]

  constructor(fields: readonly Field[]) {
    this.columns = fields.map((field) => new Column(field))
    for (const column of this.columns) column.grow(1)
  }

  take({ columns, offsetNs }: TiledRows, i: number, cell: number): void {
    this.cellOf[0] = cell
    this.offsetNs[0] = offsetNs[i]!
    this.columns.forEach((column, c) => column.copy(columns[c]!, i))
  }
}
