/**
 * The bytes of an event id, for sources whose rule is that two events with one id are one.
 *
 * A string is its UTF-8 bytes, an integer is 8 bytes little-endian two's complement; a source's ids
 * are all of one type. The bytes are stored: they are part of the store's format, pinned by a
 * golden test.
 */
import { eventIdBytesMax } from '../base/limits.ts'
import type { Value } from './types.ts'

const integerBytes = 8

/** Why a converted value is not usable as an event id; null if it is. */
export function eventIdProblem(value: Value): string | null {
  if (typeof value === 'bigint' || typeof value === 'number') return null
  if (typeof value !== 'string') return 'neither a string nor an integer'
  if (value === '') return 'empty string'
  if (!value.isWellFormed()) return 'not well-formed Unicode'
  const isLong = value.length > eventIdBytesMax || Buffer.byteLength(value) > eventIdBytesMax
  return isLong ? `longer than ${eventIdBytesMax} bytes` : null
}

/** Writes a usable id at the beginning of `to`, which has room; returns the number of bytes. */
export function writeEventId(to: Buffer, value: Value): number {
  if (typeof value === 'string') return writeText(to, value)
  to.writeBigInt64LE(BigInt(value as bigint | number), 0)
  return integerBytes
}

/** The same for an integer in halves, high · 2³² + low. */
export function writeIntegerId(to: Buffer, high: number, low: number): number {
  to.writeUInt32LE(low, 0)
  to.writeInt32LE(high, 4)
  return integerBytes
}

/** Most ids are short and ASCII, for which a loop is faster than a call into the engine. */
function writeText(to: Buffer, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return to.write(text, 0, 'utf8')
    to[i] = code
  }
  return text.length
}
