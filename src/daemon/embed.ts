/**
 * The daemon for programs that embed it, loaded when it is started.
 *
 * Whoever only defines features or publishes events has the same package, and does not wait for the
 * daemon's modules: a shard's thread does that with the features file at every start.
 */
import type { Millrace } from './millrace.ts'
import type { MillraceOptions } from './options.ts'

/**
 * Starts a daemon: recovers what its data directory holds, then listens.
 *
 * @throws {@link MillraceError} `CONFIG_INVALID`, `DEFINITION_LOAD`, `DEFINITION_INVALID`,
 *   `DEFINITION_CHANGED`, `DEFINITION_MISSING`, `STORE_LOCKED`, `STORE_FORMAT`, `STORE_CORRUPT`,
 *   `JOURNAL_CORRUPT`, `SHARD_FAILED`, `JOURNAL_WRITE`; errors of the system, such as a port in
 *   use, as they are.
 */
export async function startMillrace(options: MillraceOptions): Promise<Millrace> {
  const daemon = await import('./start.ts')
  return daemon.startMillrace(options)
}
