/**
 * Copies the store of a shard as it is after one commit, while another process may write to it.
 *
 * The file is copied as it is under a read transaction, which keeps the pages of every later
 * transaction from being used again: whichever the copied first pages name is whole. LMDB's own
 * copy takes the first pages of the newest transaction and the others of the newest that is
 * flushed, which can be too few. A large commit is many transactions: in its middle the redo file
 * has what is missing, so it is copied, too, and a copy counts only if no other commit has come
 * between. Damage may end the process that reads: `workers/snapshot.ts` is one of its own.
 */
import { copyFile, open, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { createDirectory } from '../base/directories.ts'
import { MillraceError } from '../base/errors.ts'
import { openEnvironment, unseal, type Environment } from './environment.ts'
import { generationOfRedo } from './redo.ts'
import { headerKey } from './store-keys.ts'
import { readHeader } from './store-writes.ts'

const dataName = 'data.mdb'

/** Two pages. */
const firstBytes = 2 * 4096
const chunkBytes = 1024 * 1024

/** Copies that are made before it is given up, where commits follow each other without a pause. */
const triesMax = 20

/**
 * Copies the store of a directory into another one.
 *
 * @throws MillraceError `BACKUP_INVALID` when commits leave no time for it.
 */
export async function snapshotStore(path: string, to: string, mapBytes: number): Promise<void> {
  const environment = openEnvironment(path, mapBytes, { readOnly: true })
  try {
    for (let tries = 0; tries < triesMax; tries++) {
      await rm(to, { recursive: true, force: true })
      await createDirectory(to)
      const before = transactionOf(environment)
      const redo = await copyRedo(path, to)
      await copyPinned(environment, path, to)
      if (await isOneCommit(to, mapBytes, { before, redo })) return
    }
  } finally {
    await environment.keys.close()
  }
  const reason = `${triesMax} copies were each overtaken by a checkpoint`
  throw new MillraceError('BACKUP_INVALID', { file: path, reason })
}

/** Copies the redo file if there is one; the number of its commit, 0 without one. */
async function copyRedo(from: string, to: string): Promise<number> {
  try {
    // Opened once: a name that is removed or given to another meanwhile does not matter.
    await copyFile(join(from, 'redo'), join(to, 'redo'))
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw thrown
  }
  return generationOfRedo(join(to, 'redo'))
}

/** Copies the file of an environment, no page of which is used again meanwhile. */
async function copyPinned({ keys }: Environment, path: string, to: string): Promise<void> {
  const pinned = keys.useReadTransaction()
  try {
    const [source, target] = [join(path, dataName), join(to, dataName)]
    const from = await open(source, 'r')
    const copy = await open(target, 'wx', 0o600)
    try {
      const head = await firstPages(from)
      await copy.write(head)
      const chunk = Buffer.allocUnsafe(chunkBytes)
      for (let at = head.length; ;) {
        const { bytesRead } = await from.read(chunk, 0, chunkBytes, at)
        if (bytesRead === 0) break
        await copy.writeFile(chunk.subarray(0, bytesRead))
        at += bytesRead
      }
      await copy.sync()
    } finally {
      await from.close()
      await copy.close()
    }
  } finally {
    pinned.done()
  }
}

/** The pages that name the transactions; read until none was written in between. */
async function firstPages(file: FileHandle): Promise<Buffer> {
  const [head, again] = [Buffer.alloc(firstBytes), Buffer.alloc(firstBytes)]
  do {
    const { bytesRead } = await file.read(head, 0, firstBytes, 0)
    await file.read(again, 0, firstBytes, 0)
    if (bytesRead < firstBytes) return head.subarray(0, bytesRead)
  } while (!head.equals(again))
  return head
}

/**
 * Whether a copy, with the redo file beside it, is what one commit comes to. LMDB puts it in order
 * by that: of what was not flushed yet, nothing is in it.
 */
async function isOneCommit(
  path: string,
  mapBytes: number,
  { before, redo }: { readonly before: number; readonly redo: number },
): Promise<boolean> {
  const environment = openEnvironment(path, mapBytes)
  try {
    const sealed = environment.keys.getBinary(headerKey)
    const generation =
      sealed === undefined ? 0 : readHeader(unseal(headerKey, sealed, path)).generation
    // Under way: what the copy has too little or too much of is in the redo file.
    if (redo === generation + 1) return true
    // None was under way when the redo file was looked for, and none has begun since.
    return redo <= generation && transactionOf(environment) === before
  } finally {
    await environment.keys.close()
  }
}

function transactionOf({ keys }: Environment): number {
  return (keys.getStats() as { lastTxnId: number }).lastTxnId
}
