/**
 * Sees that the files that are written to are still where the next start will look for them.
 *
 * A file whose directory was removed, or moved, or mounted over, takes writes as before, and its
 * flushes succeed: what is acknowledged then is gone with the process. Only a look by name tells.
 */
import { stat } from 'node:fs/promises'
import { MillraceError } from '../base/errors.ts'

export class DirGuard {
  readonly #paths: () => readonly string[]
  /** Which file each path was when it was looked at first. */
  #inodes: ReadonlyMap<string, bigint> = new Map()

  /** @param paths  What is written to now. */
  constructor(paths: () => readonly string[]) {
    this.#paths = paths
  }

  /** @throws MillraceError `STORE_GONE` */
  async look(): Promise<void> {
    const inodes = new Map<string, bigint>()
    for (const path of this.#paths()) {
      const inode = await inodeOf(path)
      if (inode !== null && inode === (this.#inodes.get(path) ?? inode)) inodes.set(path, inode)
      // A segment may have been done with, and deleted, meanwhile.
      else if (this.#paths().includes(path)) throw new MillraceError('STORE_GONE', { file: path })
    }
    this.#inodes = inodes
  }
}

/** Null when there is no such file; whatever else goes wrong does not say that. */
async function inodeOf(path: string): Promise<bigint | null> {
  try {
    return (await stat(path, { bigint: true })).ino
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw thrown
  }
}
