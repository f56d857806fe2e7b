/**
 * The keys of a view that no index on disk has yet, by the values of its serving index.
 *
 * A key is new when its first event comes; a checkpoint stores its entry together with its state.
 * From then on the store finds it, whether its state is in memory or not.
 */
import type { View } from '../model/catalog.ts'
import { KeyOrder } from '../model/key-order.ts'

/** What an entry costs beside its bytes, roughly: two strings, and their places in a map. */
const entryBytes = 120

/** Reordered keys by their index values, as text of a character a byte. */
type Entries = Map<string, Set<string>>

export class ServingIndex {
  readonly order: KeyOrder
  #fresh: Entries = new Map()
  /** Those that a checkpoint is about to store. */
  #storing: Entries = new Map()
  /** Of all entries. */
  #bytes = 0
  #storingBytes = 0

  /** Null for a view that has no index. */
  static of({ joinKeys, servingIndex }: View): ServingIndex | null {
    return servingIndex === null ? null : new ServingIndex(new KeyOrder(joinKeys, servingIndex))
  }

  private constructor(order: KeyOrder) {
    this.order = order
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A key that the store's index does not have. */
  add(key: Uint8Array): void {
    const reordered = this.order.reorder(key)
    const index = textOf(this.order.indexOf(reordered))
    const entries = this.#fresh.get(index)
    const entry = textOf(reordered)
    if (entries === undefined) this.#fresh.set(index, new Set([entry]))
    else if (entries.has(entry)) return
    else entries.add(entry)
    this.#bytes += entryBytes + reordered.length
  }

  /** The reordered keys with these values of the index. */
  find(index: Uint8Array): readonly Uint8Array[] {
    const text = textOf(index)
    const found = [...(this.#fresh.get(text) ?? []), ...(this.#storing.get(text) ?? [])]
    return found.map(bytesOf)
  }

  /** A checkpoint begins: it stores all that is here. */
  beginStoring(): void {
    this.#storing = this.#fresh
    this.#storingBytes = this.#bytes
    this.#fresh = new Map()
  }

  endStoring(): void {
    this.#storing = new Map()
    this.#bytes -= this.#storingBytes
    this.#storingBytes = 0
  }

  /** What the checkpoint has to store. */
  *storing(): Generator<Uint8Array> {
    for (const entries of this.#storing.values()) for (const entry of entries) yield bytesOf(entry)
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
