/**
 * The data directory: one process at a time, and the file that says what the store was built for.
 *
 *     <dir>/lock.N           which process holds the directory (persist/lock.ts)
 *     <dir>/store.json       format, shards, hash seed, and the definitions the state belongs to
 *     <dir>/definitions/     compiled features modules
 *     <dir>/journal/         the log (journal/)
 *     <dir>/ledger/          what was not counted (ledger/)
 *     <dir>/shards/NNN/      one LMDB environment per shard (persist/shard-store.ts)
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError, reasonOf } from '../base/errors.ts'
import type { HashSeed } from '../base/hash.ts'
import { lockDirectory } from './lock.ts'

/** Format of the directory as a whole; another one is refused. */
export const directoryFormat = 1

/** A view as the store knows it. */
export interface StoredDefinition {
  /** What its keys are stored under; never given to another view. */
  readonly id: number
  /** Journal position from which its events count: where the log ended when it was added. */
  readonly since: number
  /** The definition it was built with; see `define/identity.ts`. */
  readonly canonical: string
}

/** The content of `store.json`. */
export interface Manifest {
  readonly format: number
  readonly shards: number
  readonly seed: HashSeed
  /** The views that keep state. */
  readonly views: Readonly<Record<string, StoredDefinition>>
  /** The next view's id. */
  readonly nextViewId: number
  /** Canonical source by name. */
  readonly sources: Readonly<Record<string, string>>
}

export interface DataDirectory {
  readonly definitionsPath: string
  readonly journalPath: string
  readonly ledgerPath: string
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
  const release = await lockDirectory(path)
  const manifestPath = join(path, 'store.json')
  try {
    const manifest = await readManifest(manifestPath)
    const shardsPath = join(path, 'shards')
    await mkdir(shardsPath, { recursive: true, mode: 0o700 })
    return {
      definitionsPath: join(path, 'definitions'),
      journalPath: join(path, 'journal'),
      ledgerPath: join(path, 'ledger'),
      shardsPath,
      manifest,
      writeManifest: (next) =>
        replaceFile(path, manifestPath, `${JSON.stringify(next, null, 2)}\n`),
      release,
    }
  } catch (thrown) {
    await release()
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
