/**
 * The naive oracle, to which the engine is held elsewhere, agrees with a database.
 *
 * Method: fast-check makes views and events; `helpers/sql-oracle.ts` says in SQL what the features
 * are, down to where their windows begin and end, and DuckDB computes them. What is approximate in
 * the engine is compared with DuckDB's exact answer, over more values than it keeps exactly.
 *
 * The same with seeds that nobody has seen: `npm run test:soak`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { approximateRun } from '../helpers/approximate-run.ts'
import { skipWithout } from '../helpers/ci.ts'
import { sqlRun } from '../helpers/sql-run.ts'

const platform = 'a DuckDB for this platform'

test('the naive oracle and SQL say the same of every function, window and mode', async (t) => {
  const result = await sqlRun({ runs: 20, seed: 42 })
  if (result === null) return skipWithout(t, platform)
  const { stories, values, compared } = result
  t.diagnostic(`${values} values of ${stories} stories, ${compared.size} functions and modes`)
  // Of three columns of numbers and one of text, in three modes, next to all.
  assert.ok(compared.size > 180, `only ${[...compared].toSorted().join(', ')}`)
})

test('approximate values are as near to those of SQL as they claim', async (t) => {
  const result = await approximateRun(42)
  if (result === null) return skipWithout(t, platform)
  const { values, distinctError, percentileError } = result
  t.diagnostic(
    `${values} values; of the errors that are claimed, distinct counts have ` +
      `${distinctError.toFixed(2)} as root mean square, percentiles ${percentileError.toFixed(2)}`,
  )
  assert.ok(distinctError < 1.5)
})
