/**
 * What a start has opened so far, so that it can be closed again when the start fails.
 */
import type { Journal } from '../journal/journal.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { DataDirectory } from '../persist/directory.ts'
import type { RealtimePool } from '../realtime/pool.ts'
import type { Lanes } from '../route/lanes.ts'
import type { Checkpoints } from './checkpoints.ts'
import { manifestBefore, type Settled } from './definitions.ts'
import type { Doors } from './doors.ts'
import type { Health } from './health.ts'
import type { OfflineLog } from './offline-log.ts'
import type { Recording } from '../intake/recording.ts'
import type { Verification } from './verification.ts'

/** What has to be closed again when the start fails. */
export interface Opened {
  readonly directory: DataDirectory
  settled: Settled | null
  journal: Journal | null
  lanes: Lanes | null
  realtime: RealtimePool | null
  checkpoints: Checkpoints | null
  ledger: Ledger | null
  recording: Recording | null
  offline: OfflineLog | null
  verification: Verification | null
  health: Health | null
  doors: Promise<Doors> | null
}

export function openedOnly(directory: DataDirectory): Opened {
  return {
    directory,
    settled: null,
    journal: null,
    lanes: null,
    realtime: null,
    checkpoints: null,
    ledger: null,
    recording: null,
    offline: null,
    verification: null,
    health: null,
    doors: null,
  }
}

/** Closes it, and leaves the store to the definitions that it had. */
export async function closeOpened(opened: Opened): Promise<void> {
  const { directory } = opened
  // Doors that are still opening are waited for: nothing may listen after a start has failed.
  const wereOpen = await opened.doors
    ?.then((doors) => doors.close())
    .then(
      () => true,
      () => false,
    )
  opened.health?.stop()
  opened.checkpoints?.stop()
  opened.recording?.stop()
  await opened.realtime?.close().catch(() => {})
  await opened.offline?.stop()
  opened.verification?.stop()
  await opened.lanes?.close().catch(() => {})
  await opened.journal?.close().catch(() => {})
  await opened.ledger?.close().catch(() => {})
  // Events that came in through the doors have been acknowledged by the definitions of now.
  const before = wereOpen === true ? null : manifestBefore(directory.manifest, opened.settled)
  if (before !== null) await directory.writeManifest(before).catch(() => {})
  await directory.release()
}
