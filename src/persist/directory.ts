/**
 * The data directory: one process at a time, and the file that says what the store was built for.
 *
 *     <dir>/lock             the id of the process that holds the directory
 *     <dir>/store.json       format, shards, hash seed, and the definitions the state belongs to
 *     <dir>/definitions/     compiled features modules
 *     <dir>/journal/         the log (journal/)
 *     <dir>/shards/NNN/      one LMDB environment per shard (persist/shard-store.ts)
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError, reasonOf } from '../base/errors.ts'
import type { HashSeed } from '../base/hash.ts'

/** Format of the directory as a whole; another one is refused. */
export const directoryFormat = 1

/** A view as the store knows it. */
export interface StoredDefinition {
  /** What its keys are stored under; never given to another view. */
  readonly id: number
  /** The definition it was built with; see `define/identity.ts`. */
  readonly canonical: string
}

/** The content of `store.json`. */
export interface Manifest {
  readonly format: number
  readonly shards: number
  readonly seed: HashSeed
  readonly views: Readonly<Record<string, StoredDefinition>>
  /** Canonical source by name. */
  readonly sources: Readonly<Record<string, string>>
}

export interface DataDirectory {
  readonly definitionsPath: string
  readonly journalPath: string
  readonly shardsPath: string
  /** Null in a new directory. */
  readonly manifest: Manifest | null
  /** Replaces `store.json`; on disk when it resolves. */
  writeManifest(manifest: Manifest): Promise<void>
  /** Lets another process take the directory. */
  release(): Promise<void>
}

/**
 * Takes a directory for this process, creating it if there is none.
 *
 * @throws MillraceError `STORE_LOCKED`, `STORE_FORMAT`, `STORE_CORRUPT`.
 */
export async function openDirectory(path: string): Promise<DataDirectory> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const lockPath = join(path, 'lock')
  await lock(lockPath)
  const manifestPath = join(path, 'store.json')
  try {
    const manifest = await readManifest(manifestPath)
    const shardsPath = join(path, 'shards')
    await mkdir(shardsPath, { recursive: true, mode: 0o700 })
    return {
      definitionsPath: join(path, 'definitions'),
      journalPath: join(path, 'journal'),
      shardsPath,
      manifest,
      writeManifest: (next) =>
        replaceFile(path, manifestPath, `${JSON.stringify(next, null, 2)}\n`),
      release: () => rm(lockPath, { force: true }),
    }
  } catch (thrown) {
    await rm(lockPath, { force: true })
    throw thrown
  }
}

/** A secret for the hash of a new store. */
export function createSeed(): HashSeed {
  const bytes = randomBytes(8)
  return { k0: bytes.readInt32LE(0), k1: bytes.readInt32LE(4) }
}

async function readManifest(path: string): Promise<Manifest | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
  let manifest: Manifest
  try {
    manifest = JSON.parse(text) as Manifest
  } catch (thrown) {
    throw new MillraceError('STORE_CORRUPT', { file: path, reason: reasonOf(thrown) })
  }
  if (manifest.format !== directoryFormat) {
    const found = String(manifest.format)
    throw new MillraceError('STORE_FORMAT', { found, expected: directoryFormat })
  }
  return manifest
}

/** Writes the process id into a file that must not exist, or that a dead process left behind. */
async function lock(path: string): Promise<void> {
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o600)
      await file.writeFile(String(process.pid))
      await file.close()
      return
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
    }
    const pid = Number(await readFile(path, 'utf8').catch(() => ''))
    if (pid === process.pid || isAlive(pid)) throw new MillraceError('STORE_LOCKED', { pid })
    await rm(path, { force: true })
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Replaces a file so that a crash leaves the old one or the new one. */
async function replaceFile(directory: string, path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  await file.writeFile(text)
  await file.sync()
  await file.close()
  await rename(`${path}.new`, path)
  const handle = await open(directory, 'r')
  await handle.sync()
  await handle.close()
}
