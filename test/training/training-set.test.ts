/**
 * Training sets: the values that reads would have given.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trainingRun } from '../helpers/training-run.ts'

test('the values of a training set are those of a recount, at any moment', async () => {
  const { values, present } = await trainingRun({ runs: 25, seed: 20240501 })
  assert.ok(present > 400, `${present} of ${values}`)
})
