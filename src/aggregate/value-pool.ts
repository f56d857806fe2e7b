/**
 * Values that do not fit a cell: strings, booleans, arrays.
 *
 * A cell holds the number of its place here; 0 is no value. A place belongs to exactly one cell,
 * so that overwriting and dropping need no reference count.
 */
import type { Value } from '../model/types.ts'

/** What a value costs beside its text, bytes: its place in an array and its header. */
const valueBytes = 32

export class ValuePool {
  readonly #values: Value[] = [null]
  readonly #free: number[] = []
  #bytes = 0

  /** Estimated bytes of the values held. */
  get bytes(): number {
    return this.#bytes
  }

  add(value: Value): number {
    this.#bytes += sizeOf(value)
    const place = this.#free.pop()
    if (place === undefined) return this.#values.push(value) - 1
    this.#values[place] = value
    return place
  }

  get(place: number): Value {
    return this.#values[place]!
  }

  replace(place: number, value: Value): void {
    this.#bytes += sizeOf(value) - sizeOf(this.#values[place]!)
    this.#values[place] = value
  }

  release(place: number): void {
    if (place === 0) return
    this.#bytes -= sizeOf(this.#values[place]!)
    this.#values[place] = null
    this.#free.push(place)
  }
}

function sizeOf(value: Value): number {
  if (typeof value === 'string') return valueBytes + value.length
  if (typeof value !== 'object' || value === null) return valueBytes
  let bytes = valueBytes
  if (value instanceof Map) {
    for (const [key, part] of value as ReadonlyMap<string, Value>) {
      bytes += valueBytes + key.length + sizeOf(part)
    }
    return bytes
  }
  for (const part of Object.values<Value>(value as Readonly<Record<string, Value>>)) {
    bytes += sizeOf(part)
  }
  return bytes
}
