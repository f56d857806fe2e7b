/**
 * Whether two values are the same, bit for bit: NaN is NaN, and 0 is not −0.
 */
import type { Value } from '../model/types.ts'

export function isSameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return Object.is(a, b)
  }
  if (Array.isArray(a)) return Array.isArray(b) && isSameList(a as Value[], b as Value[])
  if (a instanceof Map) return b instanceof Map && isSameList([...a].flat(), [...b].flat())
  return isSameList(Object.entries(a).flat(), Object.entries(b).flat())
}

function isSameList(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((each, n) => isSameValue(each, b[n]))
}
