/**
 * How far the offline log has come: `offline/log.json`, sealed.
 *
 * Before a part of the journal is written, where that part ends is; when it is interrupted, exactly
 * the same part is written again, so that what is there already is replaced and not doubled. What
 * the offline log does not have although it should is in `gaps`.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError } from '../base/errors.ts'
import { sealJson, unsealJson } from '../base/sealed-json.ts'
import type { OfflineFiles } from './log-files.ts'

export const offlineFormat = 3

/** A part of the journal that was gone before it was exported. */
export interface OfflineGap {
  readonly from: number
  readonly to: number
}

export interface OfflineState {
  readonly format: number
  /** The journal that it is of. */
  readonly journalId: string
  /** Journal position up to which the log has every accepted event. */
  readonly exported: number
  /** Where the part ends that is being written; null when none is. */
  readonly planned: number | null
  /** A place in the ledger before which no record is of a batch behind `exported`. */
  readonly ledgerFrom: number
  /** By name of a source with `offline: true`: the position from which on its events are told. */
  readonly since: Readonly<Record<string, number>>
  /** Rows since the log was begun, and accepted events of which none could be made. */
  readonly rows: number
  readonly unreadable: number
  readonly gaps: readonly OfflineGap[]
  /** Position up to which files may have been let go of, or are of another journal. */
  readonly retiredTo: number
  /** Files of events behind it: who finds fewer does not find all events. */
  readonly files: number
}

/** @throws MillraceError `STORE_FORMAT`, `STORE_CORRUPT`; null when there is none. */
export async function readOfflineState(dir: string): Promise<OfflineState | null> {
  const path = statePath(dir)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
  const state = unsealJson(text) as OfflineState | null
  if (state === null) {
    throw new MillraceError('STORE_CORRUPT', { file: path, reason: 'is not what was written' })
  }
  if (state.format === offlineFormat) return state
  const [found, expected] = [state.format, offlineFormat].map((format) => `offline log ${format}`)
  throw new MillraceError('STORE_FORMAT', { found: found!, expected: expected! })
}

/** Replaces the state; on disk when it resolves. */
export async function writeOfflineState(
  dir: string,
  state: OfflineState,
  files: OfflineFiles,
): Promise<void> {
  await files.createDirectory(dir)
  await files.replaceFile(statePath(dir), sealJson(state))
}

function statePath(dir: string): string {
  return join(dir, 'log.json')
}
