/**
 * The bytes of a key with the values of an index first, and back.
 *
 * The values of a key stand one behind the other, and each says where it ends. In another order
 * they are as many bytes, and all keys with the same values of the index begin with the same ones.
 */
import type { Field } from './types.ts'

/** Bytes of a value; text has its length before it. */
const widths: Readonly<Record<string, number>> = { Int64: 8, Int32: 8, Bool: 1 }

export class KeyOrder {
  /** The widths of the values of a key, 0 for text; and those of a reordered one. */
  readonly #ofKey: readonly number[]
  readonly #ofReordered: readonly number[]
  /** By place in a reordered key: the place in a key. */
  readonly #places: readonly number[]
  readonly #indexed: number

  constructor(joinKeys: readonly Field[], servingIndex: readonly string[]) {
    const isIndexed = (place: number): boolean => servingIndex.includes(joinKeys[place]!.name)
    const places = [...joinKeys.keys()]
    const first = places.filter(isIndexed)
    this.#indexed = first.length
    this.#places = [...first, ...places.filter((place) => !isIndexed(place))]
    this.#ofKey = joinKeys.map(({ type }) => widths[type.kind] ?? 0)
    this.#ofReordered = this.#places.map((place) => this.#ofKey[place]!)
  }

  /** The key with the values of the index first. */
  reorder(key: Uint8Array): Uint8Array {
    const values = split(key, this.#ofKey)
    return Buffer.concat(this.#places.map((place) => values[place]!))
  }

  /** The key that {@link reorder} was given. */
  restore(reordered: Uint8Array): Uint8Array {
    const values = split(reordered, this.#ofReordered)
    const restored: Uint8Array[] = []
    for (const [n, place] of this.#places.entries()) restored[place] = values[n]!
    return Buffer.concat(restored)
  }

  /** The values of the index, at the front of a reordered key. */
  indexOf(reordered: Uint8Array): Uint8Array {
    const values = split(reordered, this.#ofReordered.slice(0, this.#indexed))
    return reordered.subarray(
      0,
      values.reduce((sum, { length }) => sum + length, 0),
    )
  }
}

/** The values, each with its length where it has one. */
function split(bytes: Uint8Array, ofValues: readonly number[]): Uint8Array[] {
  let at = 0
  return ofValues.map((width) => {
    const start = at
    at += width === 0 ? 2 + bytes[at]! + 256 * bytes[at + 1]! : width
    return bytes.subarray(start, at)
  })
}
