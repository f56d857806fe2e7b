/**
 * DuckDB as we open it.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { openDatabase } from '../../src/duckdb/database.ts'

/** Prints a time as DuckDB tells it. */
const program = `
  const { openDatabase } = await import(${JSON.stringify(
    new URL('../../src/duckdb/database.js', import.meta.url).href,
  )})
  const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
  const rows = await database.rows("SELECT TIMESTAMPTZ '2024-05-01 12:00:00+00'::VARCHAR")
  console.log(rows[0][0])
  await database.close()`

test('times are told in UTC, wherever the machine is', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', program],
    { env: { TZ: 'America/New_York' } },
  )
  assert.equal(stdout, '2024-05-01 12:00:00+00\n')
})

test('there are no more threads than there is memory for', async (t) => {
  for (const [memoryBytesMax, threads] of [
    [2 ** 26, 1],
    [2 ** 28, 2],
    [2 ** 33, 16],
  ] as const) {
    const database = await openDatabase({ threads: 16, memoryBytesMax })
    t.after(() => database.close())
    const rows = await database.rows("SELECT current_setting('threads')")
    assert.deepEqual(rows, [[BigInt(threads)]])
  }
})
