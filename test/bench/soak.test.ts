import assert from 'node:assert/strict'
import { test } from 'node:test'
import { driftOf } from '../../bench/soak.ts'

/** An interval in which everything is so much. */
const interval = (n: number) => ({
  anonymousBytes: n,
  storeBytes: 2 * n,
  ackMsP50: n / 10,
  ackMsP99: n,
})

test('drift is the last third by the second, whatever the warm-up was', () => {
  const warmUp = [900, 1, 500].map(interval)
  const [early, late] = [[10, 11, 90].map(interval), [22, 4, 23].map(interval)]
  const twice = { anonymousBytes: 2, storeBytes: 2, ackMsP50: 2, ackMsP99: 2 }
  assert.deepEqual(driftOf([...warmUp, ...early, ...late]), twice)
  assert.deepEqual(driftOf([interval(7), ...warmUp, ...early, ...late]), twice)
  assert.throws(() => driftOf(early.slice(1)), /three intervals/)
})
