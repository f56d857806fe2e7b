/**
 * How much the values of an answer are, so that a read can be bounded before it is written: text,
 * lists and maps may be thousands of times as long as a number. Thread: any.
 */
import type { Value } from './types.ts'

/** Of a value of fixed size, and of each element of one that is not, beside what it holds. */
export const valueBytes = 8

/** About the bytes of some values; undefined is a value beyond its range. */
export function bytesOfValues(values: readonly (Value | undefined)[]): number {
  let bytes = 0
  for (const value of values) bytes += bytesOf(value)
  return bytes
}

function bytesOf(value: Value | undefined): number {
  if (typeof value === 'string') return valueBytes + value.length
  if (typeof value !== 'object' || value === null) return valueBytes
  if (Array.isArray(value)) return valueBytes + bytesOfValues(value as readonly Value[])
  const members: Iterable<[string, Value]> =
    value instanceof Map ? (value as Map<string, Value>) : Object.entries(value)
  let bytes = valueBytes
  for (const [name, member] of members) bytes += name.length + bytesOf(member)
  return bytes
}
