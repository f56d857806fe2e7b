/**
 * The table of metrics, held against those that a daemon has.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startDaemon } from '../helpers/daemons.ts'
import { projectFiles } from '../helpers/repository.ts'

test('the page of operating has every metric, and no other', async (t) => {
  const daemon = await startDaemon(t)
  const { body } = await daemon.http.inject('/metrics')
  const known = [...body.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!)
  const page = projectFiles().find(({ path }) => path === 'docs/operating.md')!.text
  const [, table] = /## Metrics\n([^]*?)\nEvents of sources/.exec(page)!
  const rows = table!.split('\n').filter((line) => line.startsWith('| `'))
  const documented = rows.flatMap((row) =>
    [...row.split('|')[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  )
  assert.deepEqual(documented.toSorted(), known.toSorted())
})
