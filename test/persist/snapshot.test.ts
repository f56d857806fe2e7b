/**
 * Copies of a store that is open, or in the middle of a commit, and a look at one not closed.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { inspectStore } from '../../src/persist/inspect.ts'
import { readMetaPages } from '../../src/persist/meta-pages.ts'
import { snapshotStore } from '../../src/persist/snapshot.ts'
import { commit, get, leaveRedo, openAt, textOf, write } from '../helpers/stores.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const mapBytes = 2 ** 28

/** A store after a first commit, closed, and a redo file of commit `generation` beside it. */
async function interrupted(context: TestContext, generation: number): Promise<string> {
  const [dir, other] = [await temporaryDirectory(context), await temporaryDirectory(context)]
  const store = await openAt(dir)
  await commit(store, 'first', [write(1, 'one')])
  await store.close()
  const model = await openAt(other)
  for (let n = 1; n < generation; n++) await commit(model, 'spent', [])
  await commit(model, 'second', [write(1, 'ONE'), write(2, 'two')])
  await model.close()
  await leaveRedo(dir, generation, other)
  return dir
}

test('the copy of a store in the middle of a commit is what the commit comes to', async (t) => {
  for (const [generation, header, value] of [
    [2, 'second', 'ONE'],
    [1, 'first', 'one'],
  ] as const) {
    const dir = await interrupted(t, generation)
    const to = join(await temporaryDirectory(t), 'copy')
    await snapshotStore(dir, to, mapBytes)
    const copy = await openAt(to)
    assert.equal(textOf(copy.header()), header)
    assert.equal(get(copy, 1), value)
    await copy.close()
  }
})

test('a redo file that another commit stands before is no copy of a commit', async (t) => {
  const dir = await interrupted(t, 3)
  const to = join(await temporaryDirectory(t), 'copy')
  await assert.rejects(snapshotStore(dir, to, mapBytes), { code: 'BACKUP_INVALID' })
})

/** Makes a store what a crash leaves before its newest transaction is flushed. */
async function unflush(dir: string): Promise<void> {
  const file = join(dir, 'data.mdb')
  const bytes = await readFile(file)
  const [page, half, transactionAt, flagsAt] = [4096, 2048, 152, 52]
  const transactions = [0, page].map((at) => bytes.readBigUInt64LE(at + transactionAt))
  const older = transactions[0]! < transactions[1]! ? 0 : page
  bytes.copy(bytes, half + 40, older + 40, older + 160)
  // Of the transaction that is known to be on disk, the flag of those that may not be is not set.
  bytes.writeUInt16LE(bytes.readUInt16LE(half + flagsAt) & ~0x1000, half + flagsAt)
  await writeFile(file, bytes)
}

test('a store that was not closed is looked through as the next start finds it', async (t) => {
  const dir = await temporaryDirectory(t)
  const store = await openAt(dir)
  for (const header of ['first', 'second']) await commit(store, header, [write(1, header)])
  await store.close()
  assert.equal(readMetaPages(dir)?.isFlushed, true)
  await unflush(dir)
  assert.equal(readMetaPages(dir)?.isFlushed, false)
  const found = await inspectStore(dir, { mapBytes, isWhole: true })
  assert.deepEqual(found!.damage, [])
  assert.equal(textOf(found!.header), 'first')
  assert.equal(found!.counts.keys, 3)
  const again = await openAt(dir)
  assert.equal(get(again, 1), 'first')
  await again.close()
})
