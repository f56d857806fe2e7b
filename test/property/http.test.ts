/**
 * The doors of HTTP and of WebSockets lead to the same values, those of the naive oracle.
 *
 * The same with seeds that nobody has seen: `npm run test:soak -- --only http`.
 */
import { test } from 'node:test'
import { httpRun } from '../helpers/http-run.ts'

test('HTTP and get-features give what WebSockets and the oracle give', async () => {
  await httpRun({ runs: 4, seed: 21 })
})
