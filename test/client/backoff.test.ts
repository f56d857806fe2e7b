import assert from 'node:assert/strict'
import { it } from 'node:test'
import { backoffMs } from '../../src/client/backoff.ts'

it('the longest possible delay doubles from 100 ms and stops at 30 s', () => {
  const longest = [1, 2, 3, 9, 10, 11, 1000].map((failures) => backoffMs(failures, 1))
  assert.deepEqual(longest, [100, 200, 400, 25_600, 30_000, 30_000, 30_000])
})

it('the delay is anywhere between zero and the longest', () => {
  assert.equal(backoffMs(3, 0), 0)
  assert.equal(backoffMs(3, 0.25), 100)
})
