/**
 * Tiles of one function over one column, without the windows around them: updated, merged in any
 * order and grouping, stored and read.
 */
import assert from 'node:assert/strict'
import { Cells } from '../../src/aggregate/cells.ts'
import { planFunction, type FunctionPlan } from '../../src/aggregate/functions.ts'
import type { Partial, PlaceCodec } from '../../src/aggregate/partial.ts'
import { count } from '../../src/aggregate/partials/count.ts'
import { ValuePool } from '../../src/aggregate/value-pool.ts'
import type { AggregateFunction } from '../../src/model/aggregate-function.ts'
import { createDecoder, createEncoder } from '../../src/model/msgpack.ts'
import { Column } from '../../src/model/rows.ts'
import type { Field, Value } from '../../src/model/types.ts'
import { engineSeed } from './engine.ts'

/** An event of a tile: its value and when it was, ns after the start of the tile. */
export interface TileEvent {
  readonly value: Value
  readonly offsetNs: number
}

export interface TilesOptions {
  readonly fn: AggregateFunction
  readonly field: Field
  /** They are numbered from 1: tile 0 is the one that nobody reads. */
  readonly tiles: number
}

const encoder = createEncoder()
const decoder = createDecoder({ bytesMax: 1e8, nodesMax: 1e7, depthMax: 32 })

export class Tiles {
  readonly pool = new ValuePool()
  readonly #options: TilesOptions
  readonly #plan: FunctionPlan
  /** The count of values and the function's own, with their first cells in a tile. */
  readonly #partials: readonly { readonly partial: Partial; readonly at: number }[]
  readonly #stride: number
  readonly #cells: Cells

  constructor(options: TilesOptions) {
    this.#options = options
    this.#plan = planFunction({ ...options, seed: engineSeed })
    let stride = 0
    this.#partials = [count, ...this.#plan.partials.map(({ partial }) => partial)].map(
      (partial) => {
        stride += partial.cells
        return { partial, at: stride - partial.cells }
      },
    )
    this.#stride = stride
    this.#cells = new Cells((options.tiles + 1) * stride)
    for (let tile = 0; tile <= options.tiles; tile++) this.#init(this.#cells, tile * stride)
  }

  /** Adds events to a tile as one batch, in the order in which they arrive. */
  update(tile: number, events: readonly TileEvent[]): void {
    const column = new Column(this.#options.field)
    column.grow(events.length)
    events.forEach(({ value }, i) => column.set(i, value))
    const rows = {
      from: 0,
      to: events.length,
      cellOf: new Int32Array(events.length).fill(tile * this.#stride),
      offsetNs: Float64Array.from(events, ({ offsetNs }) => offsetNs),
      columns: [column],
    }
    for (const { partial, at } of this.#partials) {
      partial.update(this.#cells, at, rows, column, this.pool)
    }
  }

  /** Whether its tiles can be folded into wider ones. */
  get isFolded(): boolean {
    return this.#partials.every(({ partial }) => partial.fold !== undefined)
  }

  /** Folds a tile into a wider one in which it begins so many ns later. */
  fold(into: number, from: number, shiftNs: number): void {
    const cells = this.#cells
    for (const { partial, at } of this.#partials) {
      const [to, own] = [into * this.#stride + at, from * this.#stride + at]
      partial.fold!(cells, to, cells, own, shiftNs, this.pool)
    }
  }

  /** The value over a tile that is merged with a copy of itself, and so on: 2^`times` of them. */
  doubled(tile: number, times: number): Value | undefined {
    let all = this.#empty()
    this.#merge(all, this.#cells, tile)
    for (let n = 0; n < times; n++) {
      const twice = this.#empty()
      this.#merge(twice, all, 0)
      this.#merge(twice, all, 0)
      all = twice
    }
    const at = this.#partials.slice(1).map((each) => each.at)
    return this.#plan.finalize(all, at, all.f64[0]!, this.pool)
  }

  /** The value over tiles that are merged in this order, those of an inner list on their own. */
  value(...tiles: readonly (number | readonly number[])[]): Value | undefined {
    const { pool } = this
    const { bytes } = pool
    const all = this.#empty()
    const inner: Cells[] = []
    for (const tile of tiles) {
      if (typeof tile === 'number') this.#merge(all, this.#cells, tile)
      else {
        const own = this.#empty()
        inner.push(own)
        for (const each of tile) this.#merge(own, this.#cells, each)
        this.#merge(all, own, 0)
      }
    }
    const values = all.f64[0]!
    const at = this.#partials.slice(1).map((each) => each.at)
    const value = values === 0 ? this.#plan.ofNulls : this.#plan.finalize(all, at, values, pool)
    for (const cells of [all, ...inner]) {
      for (const { partial, at } of this.#partials) partial.release?.(cells, at, pool)
    }
    assert.equal(pool.bytes, bytes, 'what merging has taken is given back')
    return value
  }

  /** The tiles as they are after having been stored. */
  stored(): Tiles {
    const copy = new Tiles(this.#options)
    copy.#cells.low.set(this.#cells.low)
    this.#forEachPlace((cell, codec) => {
      const bytes = encoder.encode(codec.toStored(this.pool, this.#cells.f64[cell]!))
      copy.#cells.f64[cell] = codec.fromStored(copy.pool, decoder.decode(Buffer.from(bytes)))
    })
    return copy
  }

  /** A tile's cells but for the count, 0 for every place, and what is at the places; in hex. */
  storedForm(tile: number): readonly string[] {
    const cells = new Cells(this.#stride)
    const { low } = this.#cells
    cells.low.set(low.subarray(2 * tile * this.#stride, 2 * (tile + 1) * this.#stride))
    const places: string[] = []
    this.#forEachPlace((cell, codec) => {
      if (Math.floor(cell / this.#stride) !== tile) return
      const stored = codec.toStored(this.pool, this.#cells.f64[cell]!)
      places.push(Buffer.from(encoder.encode(stored)).toString('hex'))
      cells.f64[cell % this.#stride] = 0
    })
    const own = [...cells.f64.subarray(1)].map((_, i) => {
      return Buffer.from(cells.f64.buffer, 8 * (i + 1), 8).toString('hex')
    })
    return [own.join(' '), ...places]
  }

  /** Gives back what the tiles hold. */
  drop(): void {
    this.#forEachPlace((cell) => this.pool.release(this.#cells.f64[cell]!))
  }

  #empty(): Cells {
    const cells = new Cells(this.#stride)
    this.#init(cells, 0)
    return cells
  }

  #init(cells: Cells, first: number): void {
    for (const { partial, at } of this.#partials) partial.init(cells, first + at)
  }

  #merge(into: Cells, from: Cells, tile: number): void {
    for (const { partial, at } of this.#partials) {
      partial.merge(into, at, from, tile * this.#stride + at, this.pool)
    }
  }

  #forEachPlace(visit: (cell: number, codec: PlaceCodec) => void): void {
    for (let tile = 0; tile <= this.#options.tiles; tile++) {
      for (const { partial, at } of this.#partials) {
        for (const { cell, codec } of partial.valueCells) {
          visit(tile * this.#stride + at + cell, codec)
        }
      }
    }
  }
}
