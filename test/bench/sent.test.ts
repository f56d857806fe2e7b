import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sentTo } from '../../bench/sent.ts'
import { createImpressions } from '../../bench/workload.ts'

test('frames that an open loop left out were not sent', () => {
  const workload = createImpressions({ keys: 10, zipf: 0, frameEvents: 100, seed: 1 })
  const frameTimesMs: number[] = []
  frameTimesMs[0] = 1000
  frameTimesMs[3] = 2000
  const sent = sentTo(10, workload, frameTimesMs)
  const counts = sent.map(({ count }) => count)
  assert.equal(
    counts.reduce((total, count) => total + count),
    200,
  )
  assert.ok(sent.every(({ sum, newest }) => Number.isFinite(sum) && newest.length > 0))
})
