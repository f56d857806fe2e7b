/**
 * Stories of faults, a few of them; `npm run test:model` plays more.
 */
import { test } from 'node:test'
import { seedFor } from '../helpers/ci.ts'
import { deliveryRun } from './story-run.ts'

test('whatever happens, an event is acknowledged when it is safe, and counted once', async (t) => {
  await deliveryRun({ runs: 40, seed: seedFor(t, 1) })
})
