/**
 * An event with an id that was counted of late is a duplicate, whatever happens on the way.
 *
 * The same with seeds that nobody has seen: `npm run test:soak`.
 */
import { test } from 'node:test'
import { idRun } from '../helpers/id-run.ts'

test('duplicates are those of a filter over the journal, through crashes and replays', async () => {
  await idRun({ runs: 200, seed: 42 })
})
