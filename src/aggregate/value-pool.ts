/**
 * What does not fit a cell: strings, booleans, arrays, and the states of partials that grow.
 *
 * A cell holds the number of its place here; 0 is nothing. A place belongs to exactly one cell, so
 * that overwriting and dropping need no reference count. A merge borrows places where it can: a
 * cell of its own that owns its place has it negative (`pooled-state.ts`), and either sign finds
 * what is there. A state changes in place and says so, because it is counted by its size.
 */
import type { Value } from '../model/types.ts'

/** What a value costs beside its text, bytes: its place in two arrays and its header. */
const valueBytes = 40

export class ValuePool {
  readonly #contents: unknown[] = [null]
  /** Estimated bytes of each place. */
  readonly #sizes: number[] = [0]
  readonly #free: number[] = []
  #bytes = 0

  /** Estimated bytes of everything held. */
  get bytes(): number {
    return this.#bytes
  }

  /** Values held. */
  get count(): number {
    return this.#contents.length - 1 - this.#free.length
  }

  add(value: Value): number {
    return this.hold(value, valueSize(value))
  }

  /** Adds a state, or whatever says its own size, in bytes. */
  hold(content: unknown, bytes: number): number {
    this.#bytes += bytes
    const place = this.#free.pop()
    if (place === undefined) {
      this.#sizes.push(bytes)
      return this.#contents.push(content) - 1
    }
    this.#contents[place] = content
    this.#sizes[place] = bytes
    return place
  }

  get(place: number): Value {
    return this.state(place) as Value
  }

  /** What is at a place, for the partial that has put it there. */
  state(place: number): unknown {
    return this.#contents[place < 0 ? -place : place]
  }

  replace(place: number, value: Value): void {
    this.put(place, value, valueSize(value) - this.#sizes[place]!)
  }

  /** Puts a state where one so many bytes smaller is, or where it is itself when it has grown. */
  put(place: number, content: unknown, bytesMore: number): void {
    this.#contents[place] = content
    this.#bytes += bytesMore
    this.#sizes[place]! += bytesMore
  }

  release(place: number): void {
    if (place === 0) return
    this.#bytes -= this.#sizes[place]!
    this.#contents[place] = null
    this.#sizes[place] = 0
    this.#free.push(place)
  }
}

/** Estimated bytes of a value that stands in a place of its own. */
export function valueSize(value: Value): number {
  if (typeof value === 'string') return valueBytes + value.length
  if (typeof value !== 'object' || value === null) return valueBytes
  let bytes = valueBytes
  if (value instanceof Map) {
    for (const [key, part] of value as ReadonlyMap<string, Value>) {
      bytes += valueBytes + key.length + valueSize(part)
    }
    return bytes
  }
  for (const part of Object.values<Value>(value as Readonly<Record<string, Value>>)) {
    bytes += valueSize(part)
  }
  return bytes
}
