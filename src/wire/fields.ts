/**
 * Checks of single fields of a decoded frame: the value with its type, or `FRAME_INVALID` with the
 * name of the field. Values of the input never stand in the error.
 */
import { producerNameLengthMax } from '../base/limits.ts'
import { MsgpackTimestamp } from '../model/msgpack.ts'
import { invalidFrame } from './cursor.ts'

export type WireMap = Readonly<Record<string, unknown>>

export function map(value: unknown, what: string): WireMap {
  const isMap =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof MsgpackTimestamp)
  return isMap ? (value as WireMap) : invalidFrame(`${what} is not a map`)
}

export function list(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : invalidFrame(`${what} is not an array`)
}

export function text(value: unknown, what: string): string {
  return typeof value === 'string' ? value : invalidFrame(`${what} is not a string`)
}

/** An integer from 0 to 2^53 − 1. */
export function integer(value: unknown, what: string): number {
  const number = sequenceOrNone(value, what)
  return number >= 0 ? number : invalidFrame(`${what} is negative`)
}

/** An integer from −1 to 2^53 − 1. */
export function sequenceOrNone(value: unknown, what: string): number {
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= -1) return number
  return invalidFrame(`${what} is not an integer within bounds`)
}

/** A producer's name: printable ASCII without spaces, so that equal names are equal bytes. */
export function producer(value: unknown, what: string): string {
  const name = text(value, what)
  if (name.length <= producerNameLengthMax && /^[\x21-\x7e]+$/.test(name)) return name
  return invalidFrame(`${what} is not 1 to ${producerNameLengthMax} printable ASCII characters`)
}

/** Null where the field is absent or nil. */
export function optional<T>(
  value: unknown,
  what: string,
  check: (value: unknown, what: string) => T,
): T | null {
  return value === undefined || value === null ? null : check(value, what)
}
