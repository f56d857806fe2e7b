/**
 * The order of strings: by code point. `<` alone orders by UTF-16 unit, which differs above U+FFFF.
 */
import type { Value } from '../model/types.ts'

/** Negative, 0 or positive; both are strings. */
export function compareText(a: Value, b: Value): number {
  const left = a as string
  const right = b as string
  const length = Math.min(left.length, right.length)
  for (let i = 0; i < length; i++) {
    const x = left.charCodeAt(i)
    const y = right.charCodeAt(i)
    if (x === y) continue
    // Surrogates (D800…DFFF) stand for code points above all other units.
    const xHigh = x >= 0xd800 && x <= 0xdfff ? 1 : 0
    const yHigh = y >= 0xd800 && y <= 0xdfff ? 1 : 0
    return xHigh - yHigh || x - y
  }
  return left.length - right.length
}
