/**
 * Puts a backup back, as a new data directory with a history of its own: producers that were told
 * more than it has are to notice.
 */
import { rm } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { createDirectory, flushDirectory } from '../base/directories.ts'
import { MillraceError } from '../base/errors.ts'
import { createIncarnation, readManifest, writeManifest } from '../persist/manifest.ts'
import { makeEmpty } from './backup.ts'
import { readBackup, readThrough, type Backup } from './backup-file.ts'
import { storedFormats } from './formats.ts'

export interface Restored {
  /** Journal position up to which the directory has all events. */
  readonly position: number
  readonly incarnation: string
}

const manifestName = 'store.json'

/**
 * Makes a data directory of a backup, every byte of which is checked.
 *
 * @param dataDir  A directory that is new or empty; removed again when it fails.
 * @throws MillraceError `BACKUP_INVALID`, `STORE_FORMAT`, `FILE_UNWRITABLE`.
 */
export async function restore(backupDir: string, dataDir: string): Promise<Restored> {
  const { files, position } = await readBackup(backupDir)
  const before = await readManifest(join(backupDir, manifestName), storedFormats)
  const { [manifestName]: manifestFile, ...copied } = files
  if (before === null || manifestFile === undefined) throw invalid(manifestName, 'is missing')
  await makeEmpty(dataDir)
  try {
    await copyFiles(backupDir, dataDir, copied)
    const incarnation = createIncarnation()
    await writeManifest(join(dataDir, manifestName), { ...before, incarnation })
    return { position, incarnation }
  } catch (thrown) {
    await rm(dataDir, { recursive: true, force: true })
    throw thrown
  }
}

async function copyFiles(
  backupDir: string,
  dataDir: string,
  files: Backup['files'],
): Promise<void> {
  const directories = new Set<string>([dataDir])
  for (const [path, { bytes, crc }] of Object.entries(files)) {
    const to = join(dataDir, path)
    if (!to.startsWith(dataDir + sep)) throw invalid(path, 'is outside of the directory')
    await createDirectory(dirname(to))
    directories.add(dirname(to))
    const found = await readThrough(join(backupDir, path), { to }).catch((thrown: unknown) => {
      throw isMissing(thrown) ? invalid(path, 'is missing') : thrown
    })
    if (found.bytes !== bytes || found.crc !== crc) throw invalid(path, 'is not what was written')
  }
  for (const directory of directories) await flushDirectory(directory)
}

function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === 'ENOENT'
}

function invalid(file: string, reason: string): MillraceError {
  return new MillraceError('BACKUP_INVALID', { file, reason })
}
