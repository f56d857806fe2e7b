/**
 * `backup.json`: what makes a directory of copied files a backup. It is written last, so a backup
 * that was not finished has none; it has the length and CRC-32 of every file, so a backup that was
 * damaged is not put back.
 */
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { replaceFile } from '../base/directories.ts'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { sealJson, unsealJson } from '../base/sealed-json.ts'

/** Format of a backup; another one is refused. */
const backupFormat = 1

const backupName = 'backup.json'

export interface BackupFile {
  readonly bytes: number
  readonly crc: number
}

export interface Backup {
  readonly format: number
  /** Of the store that it is of. */
  readonly incarnation: string
  /** Journal position up to which it has all events. */
  readonly position: number
  /** By path in the directory. */
  readonly files: Readonly<Record<string, BackupFile>>
}

/** Makes a directory a backup of its files; on disk when it resolves. */
export async function writeBackup(
  dir: string,
  {
    paths,
    ...about
  }: Pick<Backup, 'incarnation' | 'position'> & {
    readonly paths: readonly string[]
  },
): Promise<Backup> {
  const files: Record<string, BackupFile> = {}
  for (const path of paths) files[path] = await readThrough(join(dir, path), { flush: true })
  const backup = { format: backupFormat, ...about, files }
  await replaceFile(join(dir, backupName), sealJson(backup))
  return backup
}

/** @throws MillraceError `BACKUP_INVALID`, `STORE_FORMAT`. */
export async function readBackup(dir: string): Promise<Backup> {
  const file = join(dir, backupName)
  const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
    throw new MillraceError('BACKUP_INVALID', { file, reason: reasonOf(thrown) })
  })
  const backup = unsealJson(text) as Backup | null
  if (backup === null) {
    throw new MillraceError('BACKUP_INVALID', { file, reason: 'is not what was written' })
  }
  if (backup.format !== backupFormat) {
    const found = `backup ${backup.format}`
    throw new MillraceError('STORE_FORMAT', { found, expected: `backup ${backupFormat}` })
  }
  return backup
}

/**
 * Reads a whole file.
 *
 * @param options.flush  Whether it is to be on disk then.
 * @param options.to  A new file that gets the same bytes, on disk when this resolves.
 */
export async function readThrough(
  path: string,
  { flush = false, to }: { readonly flush?: boolean; readonly to?: string } = {},
): Promise<BackupFile> {
  const from = await open(path, flush ? 'r+' : 'r')
  const copy = to === undefined ? null : await open(to, 'wx', 0o600)
  try {
    let bytes = 0
    let crc = 0
    for await (const chunk of from.createReadStream({ autoClose: false })) {
      bytes += (chunk as Buffer).length
      crc = crc32(chunk as Buffer, crc)
      await copy?.writeFile(chunk as Buffer)
    }
    if (flush) await from.sync()
    await copy?.sync()
    return { bytes, crc }
  } finally {
    await copy?.close()
    await from.close()
  }
}
