/**
 * The bytes of an entity key: one encoding per key, whatever wire form its values came in.
 *
 * Each join key in turn: a string is its length as u16 little-endian and its UTF-8 bytes, an
 * integer is 8 bytes little-endian two's complement, a Bool is one byte. These bytes are hashed
 * into shards and stored in LMDB: they are part of the store's format, pinned by a golden test.
 */
import { keyBytesMax } from '../base/limits.ts'
import type { Field, Value } from './types.ts'

/** Kinds that may be join keys. */
export const keyKinds = ['String', 'Int64', 'Int32', 'Bool'] as const

/** Kinds that may be event ids. */
export const eventIdKinds = ['String', 'Int64', 'Int32'] as const

const utf8 = new TextEncoder()

/**
 * Encodes converted join-key values, in the order of `joinKeys`.
 *
 * @returns the bytes, or a reason why they are not usable as a key.
 */
export function encodeKey(
  joinKeys: readonly Field[],
  values: Readonly<Record<string, Value>>,
): Uint8Array | { readonly field: string; readonly reason: string } {
  const scratch = new Uint8Array(keyBytesMax)
  const view = new DataView(scratch.buffer)
  let at = 0
  for (const { name, type } of joinKeys) {
    const value = values[name]
    if (value === null || value === undefined) return { field: name, reason: 'null' }
    switch (type.kind) {
      case 'String': {
        const text = value as string
        if (!text.isWellFormed()) return { field: name, reason: 'not well-formed Unicode' }
        const bytes = utf8.encode(text)
        if (bytes.length === 0) return { field: name, reason: 'empty string' }
        if (at + 2 + bytes.length > keyBytesMax) return tooLong(name)
        view.setUint16(at, bytes.length, true)
        scratch.set(bytes, at + 2)
        at += 2 + bytes.length
        break
      }
      case 'Int64':
      case 'Int32':
        if (at + 8 > keyBytesMax) return tooLong(name)
        view.setBigInt64(at, BigInt(value as bigint | number), true)
        at += 8
        break
      case 'Bool':
        if (at + 1 > keyBytesMax) return tooLong(name)
        scratch[at] = value === true ? 1 : 0
        at += 1
        break
      default:
        return { field: name, reason: `type ${type.kind} cannot be a key` }
    }
  }
  return scratch.slice(0, at)
}

function tooLong(field: string): { field: string; reason: string } {
  return {
    field,
    reason: `the whole key exceeds ${keyBytesMax} bytes, 2 more counted for each string`,
  }
}
