/**
 * Converted values in the form in which a test writes them.
 */
import type { Value } from '../../src/model/types.ts'

/** The value with plain objects for structs, whose prototype is null. */
export function plain(value: Value): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, Value>)]
    return new Map(entries.map(([key, one]) => [key, plain(one)]))
  }
  const fields = Object.entries(value as Readonly<Record<string, Value>>)
  return Object.fromEntries(fields.map(([name, one]) => [name, plain(one)]))
}
