/**
 * The data directory: one process at a time, and the file that says what the store was built for.
 *
 *     <dir>/lock.N           which process holds the directory (base/lock.ts)
 *     <dir>/store.json       what all of it was made with (persist/manifest.ts)
 *     <dir>/definitions/     compiled features modules
 *     <dir>/journal/         the log (journal/)
 *     <dir>/ledger/          what was not counted (ledger/)
 *     <dir>/offline/         events for whoever reads Parquet (export/)
 *     <dir>/quarantine.json  events that shards skip (persist/quarantine.ts), once there are any
 *     <dir>/shards/NNN/      one LMDB environment per shard (persist/shard-store.ts)
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createDirectory } from '../base/directories.ts'
import { MillraceError } from '../base/errors.ts'
import { lockDirectory } from '../base/lock.ts'
import { quarantineName } from './quarantine.ts'
import { readManifest, writeManifest, type Formats, type Manifest } from './manifest.ts'

export interface DataDirectory {
  readonly definitionsPath: string
  readonly journalPath: string
  readonly ledgerPath: string
  readonly offlinePath: string
  readonly shardsPath: string
  readonly quarantinePath: string
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
 * @param formats  Of each part, as this version writes it. A directory of others is refused with
 *   nothing in it changed.
 * @throws MillraceError `STORE_LOCKED`, `STORE_FORMAT`, `STORE_CORRUPT`.
 */
export async function openDirectory(path: string, formats: Formats): Promise<DataDirectory> {
  const manifestPath = join(path, 'store.json')
  const shardsPath = join(path, 'shards')
  await readManifest(manifestPath, formats)
  await createDirectory(path)
  const release = await lockDirectory(path)
  try {
    // Again: another process may have had it until now.
    const manifest = await readManifest(manifestPath, formats)
    await createDirectory(shardsPath)
    if (manifest === null) await assertNew(manifestPath, shardsPath)
    return {
      definitionsPath: join(path, 'definitions'),
      journalPath: join(path, 'journal'),
      ledgerPath: join(path, 'ledger'),
      offlinePath: join(path, 'offline'),
      shardsPath,
      quarantinePath: join(path, quarantineName),
      manifest,
      writeManifest: (next) => writeManifest(manifestPath, next),
      release,
    }
  } catch (thrown) {
    await release()
    throw thrown
  }
}

/** A new manifest has a new seed, under which nothing is found that was stored under another. */
async function assertNew(manifestPath: string, shardsPath: string): Promise<void> {
  if ((await readdir(shardsPath)).length === 0) return
  const reason = 'is missing, and there are shards that were stored under one'
  throw new MillraceError('STORE_CORRUPT', { file: manifestPath, reason })
}
