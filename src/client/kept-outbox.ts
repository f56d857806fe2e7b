/**
 * The directory of an outbox: one process at a time, opened before anything is published from it.
 */
import type { Clock } from '../base/clock.ts'
import { createDirectory } from '../base/directories.ts'
import type { MillraceError } from '../base/errors.ts'
import { lockDirectory } from '../base/lock.ts'
import type { StoredBatch } from './outbox-record.ts'
import { openOutboxStore, type OutboxStore } from './outbox-store.ts'

export interface KeptOutbox {
  readonly store: OutboxStore
  /** What an earlier process has left. */
  readonly batches: readonly StoredBatch[]
  /** Puts everything on disk and lets another process have the directory. */
  close(): Promise<void>
}

/**
 * Opens the outbox in a directory, which is made when it does not exist.
 *
 * @throws {@link MillraceError} `STORE_LOCKED` while another process has it, and what
 *   {@link openOutboxStore} throws.
 */
export async function openKeptOutbox(options: {
  readonly dir: string
  readonly producer: string
  readonly clock: Clock
  readonly onFailure: (error: MillraceError) => void
}): Promise<KeptOutbox> {
  await createDirectory(options.dir)
  const release = await lockDirectory(options.dir)
  try {
    const { store, batches } = await openOutboxStore(options)
    const close = async (): Promise<void> => {
      try {
        await store.close()
      } finally {
        await release()
      }
    }
    return { store, batches, close }
  } catch (thrown) {
    await release()
    throw thrown
  }
}
