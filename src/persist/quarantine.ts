/**
 * `quarantine.json`: the events that shards skip, because each has ended the thread that counted it
 * every time.
 *
 * On disk before any of them is skipped, and read before the journal is replayed: every replay
 * leaves out the same. Sealed, because an event more or less would be another state. There is no
 * such file while there is no such event.
 */
import { readFile } from 'node:fs/promises'
import { replaceFile } from '../base/directories.ts'
import { MillraceError } from '../base/errors.ts'
import { sealJson, unsealJson } from '../base/sealed-json.ts'

export const quarantineName = 'quarantine.json'

/** Format of the file; another one is refused. */
export const quarantineFormat = 1

/** An event that is skipped on one of its ways. */
export interface StoredPoison {
  /** Journal position of the end of its batch. */
  readonly position: number
  /** Place in the batch. */
  readonly index: number
  /** The views of the way: each catalog numbers its routes afresh. */
  readonly views: readonly string[]
}

/**
 * Reads the file; without one, no event is skipped.
 *
 * @throws MillraceError `STORE_FORMAT`, `STORE_CORRUPT`.
 */
export async function readQuarantine(path: string): Promise<readonly StoredPoison[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw thrown
  }
  const stored = unsealJson(text) as { format: number; events: readonly StoredPoison[] } | null
  if (stored === null) {
    throw new MillraceError('STORE_CORRUPT', { file: path, reason: 'is not what was written' })
  }
  if (stored.format !== quarantineFormat) {
    const [found, expected] = [stored.format, quarantineFormat].map((n) => `quarantine ${n}`)
    throw new MillraceError('STORE_FORMAT', { found: found!, expected: expected! })
  }
  return stored.events
}

/** Replaces the file; on disk when it resolves. */
export function writeQuarantine(path: string, events: readonly StoredPoison[]): Promise<void> {
  return replaceFile(path, sealJson({ format: quarantineFormat, events }))
}
