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

/** Where a key is put together. */
const scratch = new Uint8Array(keyBytesMax)
const view = new DataView(scratch.buffer)

/** Why values are not usable as a key. */
export interface KeyProblem {
  readonly field: string
  readonly reason: string
}

/** Encodes converted join-key values, by their names. */
export function encodeKey(
  joinKeys: readonly Field[],
  values: Readonly<Record<string, Value>>,
): Uint8Array | KeyProblem {
  return encodeKeyValues(
    joinKeys,
    joinKeys.map(({ name }) => values[name]),
  )
}

/** Encodes converted values, in the order of `joinKeys`. */
export function encodeKeyValues(
  joinKeys: readonly Field[],
  values: readonly (Value | undefined)[],
): Uint8Array | KeyProblem {
  let at = 0
  for (let n = 0; n < joinKeys.length; n++) {
    const { name, type } = joinKeys[n]!
    const value = values[n]
    if (value === null || value === undefined) return { field: name, reason: 'null' }
    switch (type.kind) {
      case 'String': {
        const text = value as string
        if (!text.isWellFormed()) return { field: name, reason: 'not well-formed Unicode' }
        if (text === '') return { field: name, reason: 'empty string' }
        if (at + 2 > keyBytesMax) return tooLong(name)
        const { read, written } = utf8.encodeInto(text, scratch.subarray(at + 2))
        if (read < text.length) return tooLong(name)
        view.setUint16(at, written, true)
        at += 2 + written
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

/** The values of a key, in the order of `joinKeys`, from its bytes. */
export function decodeKeyValues(joinKeys: readonly Field[], key: Uint8Array): Value[] {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.length)
  let at = 0
  return joinKeys.map(({ type }): Value => {
    switch (type.kind) {
      case 'String': {
        const start = at + 2
        at = start + bytes.readUInt16LE(at)
        return bytes.toString('utf8', start, at)
      }
      case 'Bool':
        at += 1
        return bytes[at - 1] === 1
      default: {
        const integer = bytes.readBigInt64LE(at)
        at += 8
        return type.kind === 'Int32' ? Number(integer) : integer
      }
    }
  })
}

function tooLong(field: string): KeyProblem {
  return {
    field,
    reason: `the whole key exceeds ${keyBytesMax} bytes, 2 more counted for each string`,
  }
}
