/**
 * From where on the offline log is whole, for those who read it in the place of the journal.
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { test } from 'node:test'
import { buildCatalog } from '../../src/define/catalog.ts'
import { listParts } from '../../src/export/list-parts.ts'
import { offlineFiles } from '../../src/export/log-files.ts'
import { wholeFrom } from '../../src/export/readable-log.ts'
import { runExport } from '../../src/export/run-export.ts'
import { settleOffline } from '../../src/export/settle.ts'
import type { OfflineState } from '../../src/export/state.ts'
import { offlineFeatures, writeOfflineJournal } from '../helpers/offline-journal.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const catalog = buildCatalog(offlineFeatures)

test('a log has every event behind its last gap and the last file that went', async (t) => {
  const { task } = await writeOfflineJournal(await temporaryDirectory(t), 120, 4)
  const state = await runExport(catalog, task, offlineFiles, () => {})
  const { dir } = task
  const parts = await listParts(dir)
  assert.ok(parts.length > 3)
  assert.equal(state.files, parts.length)
  const from = (changes: Partial<OfflineState> = {}, journalStart = 0): number | null =>
    wholeFrom({ state: { ...state, ...changes }, parts }, 'clicks', journalStart)
  assert.equal(from(), 0)
  assert.equal(from({ since: { clicks: 5 } }), 5)
  assert.equal(from({ gaps: [{ from: 3, to: 7 }], since: { clicks: 5 } }), 7)
  assert.equal(from({ since: {} }), null)
  assert.equal(from({ unreadable: 1 }), null)
  assert.equal(from({}, state.exported), 0)
  assert.equal(from({}, state.exported + 1), null, 'it does not reach up to the journal')
  // The oldest days go, and those that are left are of the same part of the journal.
  const nowMs = Date.parse(parts.at(-1)!.day)
  const aged = { ...task, state, retention: { ...task.retention, ageMsMax: 0, nowMs } }
  const left = await runExport(catalog, aged, offlineFiles, () => {})
  const log = { state: left, parts: await listParts(dir) }
  assert.ok(log.parts.length < parts.length)
  assert.equal(wholeFrom(log, 'clicks', 0), left.exported)
})

test('a log that lacks a file is not whole from anywhere', async (t) => {
  const { task } = await writeOfflineJournal(await temporaryDirectory(t), 40, 4)
  const state = await runExport(catalog, task, offlineFiles, () => {})
  const [missing] = await listParts(task.dir)
  await rm(missing!.path)
  assert.equal(wholeFrom({ state, parts: await listParts(task.dir) }, 'clicks', 0), null)
})

test('files of journals from before are never taken for those of this one', async (t) => {
  const { task } = await writeOfflineJournal(await temporaryDirectory(t), 40, 4)
  const first = await runExport(catalog, task, offlineFiles, () => {})
  const begin = (before: OfflineState, journalId: string): OfflineState => {
    const bounds = { journalStart: 0, journalEnd: 0, ledgerStart: 0, ledgerEnd: 0 }
    return settleOffline(before, { ...bounds, journalId, sources: ['clicks', 'views'] })!
  }
  const second = begin(first, 'second')
  assert.deepEqual([second.retiredTo, second.files, second.exported], [first.exported, 0, 0])
  // One of which less was exported does not bring back those of the first.
  const third = begin({ ...second, exported: 10 }, 'third')
  assert.equal(third.retiredTo, first.exported)
  // What is written before the log has come that far is not counted, nor looked for.
  const { ledgerFrom } = task.state
  const written = { ...task, state: { ...third, ledgerFrom } }
  const state = await runExport(catalog, written, offlineFiles, () => {})
  assert.equal(state.exported, state.retiredTo)
  assert.equal(state.files, 0)
  const log = { state, parts: await listParts(task.dir) }
  assert.equal(wholeFrom(log, 'clicks', 0), state.exported)
})
