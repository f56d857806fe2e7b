/**
 * Training rows as they would have been served.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asServedRun } from '../helpers/as-served-run.ts'

test('rows as served are what reads of a daemon have answered at their moments', async () => {
  const { values, present } = await asServedRun({ runs: 25, seed: 20240601 })
  assert.ok(present > 400, `${present} of ${values}`)
})
