/**
 * `store.json`: what a data directory was made with, and in which formats its parts are written.
 *
 * Sealed, so that nobody goes on with a changed seed or view id: keys would not be found, or found
 * to be others. All formats stand here because it is read before anything else: a directory of
 * another version is refused before a byte of it is changed.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { replaceFile } from '../base/directories.ts'
import { MillraceError } from '../base/errors.ts'
import type { HashSeed } from '../base/hash.ts'
import { sealJson, unsealJson } from '../base/sealed-json.ts'
import type { ViewHistory } from '../model/history.ts'
import type { KeyLimit } from '../model/key-limit.ts'

/** Format of the directory as a whole; another one is refused. */
export const directoryFormat = 3

/** Formats before this one had no CRC. */
const formatWithCrc = 2

/** A view as the store knows it. */
export interface StoredDefinition {
  /** What its keys are stored under; never given to another view. */
  readonly id: number
  /** Journal position from which its events count: where the log began when it was added. */
  readonly since: number
  /**
   * It has not counted what there was of the journal. When that was interrupted, it begins anew,
   * and what it has stored under its id is given up.
   */
  readonly isCatchingUp?: boolean
  /** How many keys may be new on a day, as its definitions have said it, the earliest first. */
  readonly keyLimits: readonly KeyLimit[]
  /** The definition it was built with; see `define/identity.ts`. */
  readonly canonical: string
  /** Absent for a view that counts its stream alone. */
  readonly history?: StoredHistory
}

/** Where the stream of a view begins, and how far the backfill of what was before is. */
export interface StoredHistory extends ViewHistory {
  /** Rows of the batch source, once all of them are counted. */
  readonly rows: number | null
  readonly isComplete: boolean
}

/** The format of each part of a directory, by its name; another one of any is refused. */
export type Formats = Readonly<Record<string, number>>

/** The content of `store.json`. */
export interface Manifest {
  readonly format: number
  readonly formats: Formats
  /**
   * Names the history of this store, 32 hexadecimal digits: another one when an older state was
   * put back, so that producers notice that what they were told may no longer hold.
   */
  readonly incarnation: string
  readonly shards: number
  readonly seed: HashSeed
  /** The views that keep state. */
  readonly views: Readonly<Record<string, StoredDefinition>>
  /** The next view's id. */
  readonly nextViewId: number
  /** The next backfill's, from 1 on. */
  readonly nextBackfillId: number
  /** Canonical source by name. */
  readonly sources: Readonly<Record<string, string>>
}

/** A secret for the hash of a new store. */
export function createSeed(): HashSeed {
  const bytes = randomBytes(8)
  return { k0: bytes.readInt32LE(0), k1: bytes.readInt32LE(4) }
}

/** A name for a history that begins. */
export function createIncarnation(): string {
  return randomBytes(16).toString('hex')
}

/**
 * Reads a `store.json`.
 *
 * @param expected  The formats that this version writes.
 * @returns null when there is no file.
 * @throws MillraceError `STORE_FORMAT`, `STORE_CORRUPT`.
 */
export async function readManifest(path: string, expected: Formats): Promise<Manifest | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
  const manifest = parse(path, text)
  assertFormat('directory', manifest.format, directoryFormat)
  for (const part of Object.keys({ ...expected, ...manifest.formats })) {
    assertFormat(part, manifest.formats[part], expected[part])
  }
  return manifest
}

/** Replaces a `store.json`; on disk when it resolves. */
export function writeManifest(path: string, manifest: Manifest): Promise<void> {
  return replaceFile(path, sealJson(manifest))
}

/** The manifest as it was written, of this format or a later one. */
function parse(path: string, text: string): Manifest {
  const manifest = unsealJson(text) as Manifest | null
  if (manifest !== null) return manifest
  const format = formatWithoutCrc(text)
  if (format !== null) assertFormat('directory', format, directoryFormat)
  throw new MillraceError('STORE_CORRUPT', { file: path, reason: 'is not what was written' })
}

/** The format of a manifest from before there was a CRC; null when it is none. */
function formatWithoutCrc(text: string): number | null {
  try {
    const { format, crc } = JSON.parse(text) as { format: unknown; crc?: unknown }
    const isOld = typeof format === 'number' && format < formatWithCrc && crc === undefined
    return isOld ? format : null
  } catch {
    return null
  }
}

function assertFormat(part: string, found: number | undefined, expected: number | undefined) {
  if (found === expected) return
  const [has, wants] = [found, expected].map((format) => `${part} ${format ?? 'unknown'}`)
  throw new MillraceError('STORE_FORMAT', { found: has!, expected: wants! })
}
