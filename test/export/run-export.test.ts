/**
 * The export of a journal, whole and ended at every step.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildCatalog } from '../../src/define/catalog.ts'
import { offlineFiles, type OfflineFiles } from '../../src/export/log-files.ts'
import { runExport, type ExportTask } from '../../src/export/run-export.ts'
import { readOfflineState } from '../../src/export/state.ts'
import { offlineFeatures, writeOfflineJournal } from '../helpers/offline-journal.ts'
import { offlinePaths, queryOffline } from '../helpers/offline-rows.ts'
import { randomNumbers } from '../helpers/random.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const catalog = buildCatalog(offlineFeatures)

/** `source day id` of every row that can be seen, in order. */
async function rowsIn(dir: string): Promise<readonly string[]> {
  const rows = await queryOffline(dir, `SELECT source || ' ' || day || ' ' || id AS row FROM log`)
  return rows.map(({ row }) => row as string).toSorted()
}

/** Nothing of the log's directory changes any more from the n-th change on, as after a kill. */
function filesUntil(change: number): OfflineFiles {
  let left = change
  const until =
    <A extends unknown[]>(one: (...args: A) => Promise<void>) =>
    (...args: A): Promise<void> => {
      left -= 1
      return left < 0 ? Promise.reject(new Error('killed')) : one(...args)
    }
  return {
    createDirectory: until(offlineFiles.createDirectory),
    flushFile: until(offlineFiles.flushFile),
    rename: until(offlineFiles.rename),
    flushDirectory: until(offlineFiles.flushDirectory),
    replaceFile: until(offlineFiles.replaceFile),
    remove: until(offlineFiles.remove),
  }
}

/** Whether an export has come to its end. */
function isDone(task: ExportTask, files: OfflineFiles): Promise<boolean> {
  return runExport(catalog, task, files, () => {}).then(
    () => true,
    (thrown: Error) => thrown.message !== 'killed',
  )
}

test('the rows are the accepted events, however the journal is cut into parts', async (t) => {
  for (const seed of [1, 2, 3]) {
    const dir = await temporaryDirectory(t)
    const { task, rows } = await writeOfflineJournal(dir, 60, seed)
    let { state } = task
    const { exported: from } = state
    for (const upTo of [from + Math.floor((task.upTo - from) * randomNumbers(seed)()), task.upTo]) {
      state = await runExport(catalog, { ...task, state, upTo }, offlineFiles, () => {})
    }
    assert.deepEqual(await rowsIn(task.dir), rows, `seed ${seed}`)
    assert.equal(state.rows, rows.length)
    assert.deepEqual(await readOfflineState(task.dir), state)
  }
})

test('killed at every step, only whole files are left, nothing lost or twice', async (t) => {
  let change = 0
  for (let isWhole = false; !isWhole; change++) {
    const dir = await temporaryDirectory(t)
    const { task, rows } = await writeOfflineJournal(dir, 12, 9)
    isWhole = await isDone(task, filesUntil(change))
    const seen = await rowsIn(task.dir)
    assert.deepEqual(
      seen,
      rows.filter((row) => seen.includes(row)),
      `before change ${change}`,
    )
    // The journal has gone on meanwhile: what was begun is finished as it was planned.
    const state = (await readOfflineState(task.dir)) ?? task.state
    await runExport(catalog, { ...task, state }, offlineFiles, () => {})
    assert.deepEqual(await rowsIn(task.dir), rows, `before change ${change}`)
    const names = (await offlinePaths(task.dir)).map((path) => path.split('/').at(-1))
    assert.equal(new Set(names).size, 1, 'all parts are of one range')
  }
  assert.ok(change > 12, `${change} steps`)
})

test('old days and what is too much go, the oldest first', async (t) => {
  const dir = await temporaryDirectory(t)
  const { task } = await writeOfflineJournal(dir, 120, 4)
  const done = await runExport(catalog, task, offlineFiles, () => {})
  const days = async () =>
    (await queryOffline(task.dir, 'SELECT DISTINCT day FROM log ORDER BY 1')).map(({ day }) => day)
  const before = await days()
  assert.ok(before.length >= 3)
  const nowMs = Date.parse(before[2] as string) + 1
  const aged = { ...task, state: done, retention: { ...task.retention, ageMsMax: 0, nowMs } }
  const state = await runExport(catalog, aged, offlineFiles, () => {})
  assert.deepEqual(await days(), before.slice(2))
  const full = { ...task, state, retention: { ...task.retention, bytesMax: 0 } }
  const { retiredTo, files } = await runExport(catalog, full, offlineFiles, () => {})
  assert.deepEqual(await days(), [])
  assert.deepEqual([retiredTo, files], [done.exported, 0])
})
