/**
 * Every value of a shard equals a recount of the raw events, whatever happens on the way.
 *
 * The same with seeds that nobody has seen: `npm run test:soak`.
 */
import { test } from 'node:test'
import { foldedRun, permutationRun, storyRun } from '../helpers/story-run.ts'

test('values equal the oracle through batches, checkpoints, evictions and crashes', async () => {
  await storyRun({ runs: 1500, seed: 42 })
})

test('values equal the oracle where tiles are folded into wider ones', async () => {
  await foldedRun({ runs: 300, seed: 42 })
})

test('any permutation and any batching of the same events give the same values', async () => {
  await permutationRun({ runs: 400, seed: 42 })
})
