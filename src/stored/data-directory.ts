/**
 * Whether a directory is a daemon's, before anything is made of what is in it, or put into it.
 */
import { readdir } from 'node:fs/promises'
import { MillraceError, reasonOf } from '../base/errors.ts'

const parts = ['store.json', 'journal', 'shards']

/**
 * @param more  Names that a directory may have instead, of what is there before a first start.
 * @throws MillraceError `FILE_UNREADABLE`
 */
export async function assertDataDirectory(
  dataDir: string,
  more: readonly string[] = [],
): Promise<void> {
  const names = await readdir(dataDir).catch((thrown: unknown) => {
    throw new MillraceError('FILE_UNREADABLE', { file: dataDir, reason: reasonOf(thrown) })
  })
  if ([...parts, ...more].some((name) => names.includes(name))) return
  const reason = 'is no data directory'
  throw new MillraceError('FILE_UNREADABLE', { file: dataDir, reason })
}
