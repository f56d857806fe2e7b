/**
 * Names on disk: a file or directory lasts through a power loss only when the directory that holds
 * its name has been flushed, too.
 */
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Creates a directory and its parents, for their owner only; they are on disk when this resolves.
 */
export async function createDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  // Each new directory is an entry of its parent, up to the first that was already there.
  const stop = dirname(resolve(first))
  let parent = resolve(path)
  do {
    parent = dirname(parent)
    await flushDirectory(parent)
  } while (parent !== stop)
}

/** Puts creations, renames and removals in a directory on disk. */
export async function flushDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Replaces a file so that a crash leaves the old one or the new one; on disk when it resolves. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  await flushDirectory(dirname(path))
}
