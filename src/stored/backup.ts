/**
 * Copies a data directory while a daemon may have it open: what a start makes of the copy is what
 * it would have made of the original at one moment.
 *
 * The order is what makes it one: the journal is held before anything else, so that it reaches
 * back far enough; then the shards are copied, each as of one commit; then the ledger, which has
 * all that their checkpoints take for recorded; last the journal, up to now, and what of it is in
 * quarantine. Then the copy is read
 * through, and only then it is called a backup. Nothing in the directory is written, and no daemon
 * is asked.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createDirectory, flushDirectory } from '../base/directories.ts'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { holdJournal } from '../journal/hold.ts'
import { holdLedger } from '../ledger/hold.ts'
import { quarantineName, readQuarantine, writeQuarantine } from '../persist/quarantine.ts'
import { readManifest, writeManifest, type Manifest } from '../persist/manifest.ts'
import { writeBackup, type Backup } from './backup-file.ts'
import { storedFormats } from './formats.ts'
import { inspectDirectory } from './inspect.ts'
import { snapshotApart } from './inspector.ts'

/**
 * Makes a backup of a data directory.
 *
 * @param to  A directory that is new or empty; removed again when it fails.
 * @throws MillraceError `BACKUP_INVALID` when what was copied is not sound; `FILE_UNWRITABLE`;
 *   `STORE_FORMAT`, `STORE_CORRUPT`.
 */
export async function backUp(dataDir: string, to: string): Promise<Backup> {
  const manifest = await manifestOf(dataDir)
  await makeEmpty(to)
  try {
    await copyParts(dataDir, to, manifest)
    const position = await assertSound(to)
    const paths = await filesOf(to)
    return await writeBackup(to, { incarnation: manifest.incarnation, position, paths })
  } catch (thrown) {
    await rm(to, { recursive: true, force: true })
    throw thrown
  }
}

async function manifestOf(dataDir: string): Promise<Manifest> {
  const file = join(dataDir, 'store.json')
  const manifest = await readManifest(file, storedFormats)
  if (manifest !== null) return manifest
  throw new MillraceError('STORE_CORRUPT', { file, reason: 'is missing' })
}

/** @throws MillraceError `FILE_UNWRITABLE` */
export async function makeEmpty(path: string): Promise<void> {
  let reason = 'is not empty'
  try {
    await createDirectory(path)
    if ((await readdir(path)).length === 0) return
  } catch (thrown) {
    reason = reasonOf(thrown)
  }
  throw new MillraceError('FILE_UNWRITABLE', { file: path, reason })
}

async function copyParts(dataDir: string, to: string, manifest: Manifest): Promise<void> {
  const journal = await holdJournal(join(dataDir, 'journal'))
  try {
    await mkdir(join(to, 'shards'), { mode: 0o700 })
    for (let shard = 0; shard < manifest.shards; shard++) {
      await copyShard(join('shards', String(shard).padStart(3, '0')), { dataDir, to })
    }
    const ledger = await holdLedger(join(dataDir, 'ledger'))
    try {
      await ledger.copyTo(join(to, 'ledger'))
    } finally {
      await ledger.close()
    }
    await journal.copyTo(join(to, 'journal'))
  } finally {
    await journal.close()
  }
  const quarantine = await readQuarantine(join(dataDir, quarantineName))
  if (quarantine.length > 0) await writeQuarantine(join(to, quarantineName), quarantine)
  // A daemon that was started meanwhile, with other definitions, has made another store of it.
  const now = await manifestOf(dataDir)
  if (JSON.stringify(now) !== JSON.stringify(manifest)) {
    throw invalid(dataDir, 'its definitions have changed meanwhile')
  }
  await writeManifest(join(to, 'store.json'), manifest)
}

async function copyShard(
  path: string,
  { dataDir, to }: { readonly dataDir: string; readonly to: string },
): Promise<void> {
  // Of a store that has never been opened there is nothing.
  if (!existsSync(join(dataDir, path, 'data.mdb'))) return
  const reason = await snapshotApart(join(dataDir, path), join(to, path))
  if (reason !== null) throw invalid(path, reason)
  await flushDirectory(join(to, path))
}

/** Reads the copy through; the position up to which it has all events. */
async function assertSound(to: string): Promise<number> {
  const { parts } = await inspectDirectory(to, true)
  for (const { damage } of parts) {
    if (damage.length > 0) throw invalid(damage[0]!.file, damage[0]!.reason)
  }
  return Number(parts.find(({ name }) => name === 'journal')!.facts['end'])
}

/** The files of a copy but for locks, which are of whoever opens it. */
async function filesOf(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && !/^lock\b/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .toSorted()
}

function invalid(file: string, reason: string): MillraceError {
  return new MillraceError('BACKUP_INVALID', { file, reason })
}
