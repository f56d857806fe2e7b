/**
 * Where changes are judged, tests are stricter: nothing that is missing is passed over, and faults
 * are drawn anew each time.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import type { TestContext } from 'node:test'

const isCi = process.env['CI'] !== undefined

/** A developer's machine may do without a tool; where changes are judged, nothing goes unseen. */
export function skipWithout(t: TestContext, what: string): void {
  assert.ok(!isCi, `${what}: missing`)
  t.skip(`${what}: not here`)
}

/** The same seed on every machine of a developer; a new one where changes are judged. Printed. */
export function seedFor(t: TestContext, usual: number): number {
  const seed = isCi ? randomInt(2 ** 31) : usual
  t.diagnostic(`seed ${seed}`)
  return seed
}
