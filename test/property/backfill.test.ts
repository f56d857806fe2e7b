/**
 * Every event counts once, from the batch source or from the stream.
 */
import { test } from 'node:test'
import { pastRun } from '../helpers/past-run.ts'

test('each event counts once, of the past or the stream, however the daemon ends', async () => {
  await pastRun({ runs: 60, seed: 42 })
})
