/**
 * The values of an event, made read-only before user code sees them.
 *
 * Transforms get the very values that other views store, now and from events before, so none may
 * change them. Freezing does that for lists and structs; a `Map` keeps its entries where freezing
 * does not reach, and has its methods covered. That is against mistakes, which it turns into the
 * failure of the transform, not against code that goes around it.
 */
import type { Value } from '../model/types.ts'

/** Makes a value read-only, with all that is in it. Values hold no buffers: no type takes them. */
export function makeReadOnly(value: Value): void {
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Map) {
    for (const part of (value as ReadonlyMap<string, Value>).values()) makeReadOnly(part)
    // Not enumerable, so that the map still compares and copies like any other.
    Object.defineProperties(value, mapGuards)
  } else {
    for (const part of Object.values<Value>(value as Readonly<Record<string, Value>>)) {
      makeReadOnly(part)
    }
  }
  Object.freeze(value)
}

const mapGuards = Object.fromEntries(
  ['set', 'delete', 'clear'].map((method) => [method, { value: refuse }]),
)

function refuse(): never {
  throw new TypeError('a map of the event is read-only; change a copy of it, new Map(map)')
}
