/**
 * What the offline log does to its directory, behind an interface: a crash may come before and
 * after each of these, and tests make it come.
 */
import { open, rename, rm } from 'node:fs/promises'
import { createDirectory, flushDirectory, replaceFile } from '../base/directories.ts'

export interface OfflineFiles {
  /** Creates a directory and its parents; on disk when it resolves. */
  readonly createDirectory: (path: string) => Promise<void>
  /** Puts a file that another library has written on disk. */
  readonly flushFile: (path: string) => Promise<void>
  readonly rename: (from: string, to: string) => Promise<void>
  /** Puts creations, renames and removals in a directory on disk. */
  readonly flushDirectory: (path: string) => Promise<void>
  /** Replaces a file by another at once; on disk when it resolves. */
  readonly replaceFile: (path: string, content: string) => Promise<void>
  /** Removes a file, or a directory with all that is in it, if there is one. */
  readonly remove: (path: string) => Promise<void>
}

export const offlineFiles: OfflineFiles = {
  createDirectory,
  flushFile: async (path) => {
    const file = await open(path, 'r+')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  },
  rename,
  flushDirectory,
  replaceFile,
  remove: (path) => rm(path, { recursive: true, force: true }),
}
