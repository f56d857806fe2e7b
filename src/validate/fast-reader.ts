/**
 * The fast path of validation: plain events straight from msgpack into columns.
 *
 * Such an event (`plain-field.ts`) needs no object, no conversion table and no schema check.
 * Producers send the fields in one order again and again: for the orders that come often there is
 * a reader that expects just that (`straight-reader.ts`), for any other one that looks for each
 * name. Everything else is left to the full path (`validate/decoder.ts`), which alone rejects.
 * That all accept the same events with the same values is a property test
 * (`test/validate/fast-reader.test.ts`).
 *
 * Thread: shard. Nothing is allocated per event but the strings that a view aggregates.
 */
import { eventBytesMax } from '../base/limits.ts'
import type { Source } from '../model/catalog.ts'
import type { RowBatch } from '../model/rows.ts'
import { place, plainField, type FastReader, type PlainField } from './plain-field.ts'
import { readScalar } from './scalar.ts'
import { compileStraightReader } from './straight-reader.ts'

/** Fields are counted in the bits of one integer. */
const fieldsMax = 30

/**
 * Orders of fields that are compiled at a time, and how often one must come in a row to be. With
 * all places taken, one has to come more and more often to take another's: whoever sends odd
 * orders can neither keep the others out for good nor have code compiled all the time.
 */
const ordersMax = 4
const repeatsMin = 64
const repeatsMax = 65_536

/**
 * @param compile  Makes the reader of an order.
 * @returns null for sources that never have plain events: nested fields, or very many.
 */
export function createFastReader(
  source: Source,
  rows: RowBatch,
  compile = compileStraightReader,
): FastReader | null {
  const fields = source.fields.map((field) => plainField(field, source, rows))
  if (fields.length > fieldsMax || fields.includes(null)) return null
  return learningReader(fields as PlainField[], rows, compile)
}

/** Reads any order, and those fast that it has learnt; the declared one is the first of them. */
function learningReader(
  fields: readonly PlainField[],
  rows: RowBatch,
  compile: typeof compileStraightReader,
): FastReader {
  const anyOrder = new AnyOrderReader(fields, rows)
  const straight: FastReader[] = []
  let repeated: readonly number[] = []
  let repeats = 0
  let repeatsDue = repeatsMin
  let latest = 0
  let replaced = 0

  function learn(order: readonly number[]): void {
    const reader = compile(fields, order, rows)
    if (reader === null) {
      repeatsDue = Infinity
      return
    }
    if (straight.length < ordersMax) {
      straight.push(reader)
      return
    }
    replaced = (replaced + 1) % ordersMax
    // The one that was of use last stays.
    if (replaced === latest) replaced = (replaced + 1) % ordersMax
    straight[replaced] = reader
    repeatsDue = Math.min(repeatsDue * 2, repeatsMax)
  }

  function note(order: readonly number[]): void {
    if (isSame(order, repeated)) repeats += 1
    else {
      repeated = [...order]
      repeats = 1
    }
    if (repeats % repeatsDue === 0) learn(order)
  }

  learn(fields.map((_, n) => n))
  return (bytes, view, start, end, i) => {
    if (straight.length > 0 && straight[latest]!(bytes, view, start, end, i)) return true
    for (let n = 0; n < straight.length; n++) {
      if (n === latest || !straight[n]!(bytes, view, start, end, i)) continue
      latest = n
      return true
    }
    if (!anyOrder.read(bytes, view, start, end, i)) return false
    note(anyOrder.order)
    return true
  }
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, place) => n === b[place])
}

/** Looks for each name among all fields. */
class AnyOrderReader {
  /** Places of the fields of the event that was read last. */
  order: number[] = []
  readonly #fields: readonly PlainField[]
  readonly #rows: RowBatch
  readonly #all: number
  readonly #required: number

  constructor(fields: readonly PlainField[], rows: RowBatch) {
    this.#fields = fields
    this.#rows = rows
    this.#all = 2 ** fields.length - 1
    this.#required = fields.reduce(
      (bits, { nullable }, n) => (nullable ? bits : bits | (1 << n)),
      0,
    )
  }

  read(bytes: Buffer, view: DataView, start: number, end: number, i: number): boolean {
    const fields = this.#fields
    const count = fields.length
    const isWide = bytes[start] === 0xde && start + 3 <= end
    const entries = isWide ? view.getUint16(start + 1) : bytes[start]! - 0x80
    const isHead = isWide || (entries >= 0 && entries < 16)
    if (!isHead || entries > count || end - start > eventBytesMax) return false
    this.order.length = 0
    let seen = 0
    let at = start + (isWide ? 3 : 1)
    // The next field is tried first.
    let next = 0
    for (let entry = 0; entry < entries; entry++) {
      let n = next
      let valueAt = matches(fields[n]!, bytes, view, at, end)
      for (let tried = 1; valueAt === -1 && tried < count; tried++) {
        n = n + 1 < count ? n + 1 : 0
        valueAt = matches(fields[n]!, bytes, view, at, end)
      }
      if (valueAt === -1 || (seen & (1 << n)) !== 0) return false
      at = readScalar(bytes, view, valueAt, end)
      if (at === -1 || !place(fields[n]!, this.#rows, i, bytes)) return false
      seen |= 1 << n
      this.order.push(n)
      next = n + 1 < count ? n + 1 : 0
    }
    if (at !== end || (seen & this.#required) !== this.#required) return false
    if (seen !== this.#all) this.#setMissing(seen, i)
    return true
  }

  #setMissing(seen: number, i: number): void {
    for (const [n, { column }] of this.#fields.entries()) {
      if ((seen & (1 << n)) === 0) column?.set(i, null)
    }
  }
}

/** The offset behind a field's name that stands at `at`, or -1. */
function matches(
  { nameWords, nameRest }: PlainField,
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): number {
  if (at + 4 * nameWords.length + nameRest.length > end) return -1
  let next = at
  for (let i = 0; i < nameWords.length; i++, next += 4) {
    if (view.getInt32(next) !== nameWords[i]) return -1
  }
  for (let i = 0; i < nameRest.length; i++, next++) {
    if (bytes[next] !== nameRest[i]) return -1
  }
  return next
}
