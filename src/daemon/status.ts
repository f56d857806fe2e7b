/**
 * What the daemon tells of itself.
 */
import type { Journal } from '../journal/journal.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Router } from '../route/router.ts'
import { backfillsBody } from '../serve/backfill-body.ts'
import type { Backfills } from '../backfill/backfills.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { Health } from './health.ts'
import type { Intake } from '../intake/intake.ts'
import type { OfflineLog } from './offline-log.ts'
import type { Rebuilds } from '../recovery/rebuilds.ts'
import type { Recovery } from '../recovery/recovery.ts'
import type { Verification } from './verification.ts'

/** What `GET /v1/status` answers. */
export function statusOf(parts: {
  readonly recovery: Recovery
  readonly journal: Journal
  readonly checkpoints: Checkpoints
  readonly router: Router
  readonly intake: Intake
  readonly ledger: Ledger
  readonly offline: OfflineLog
  readonly rebuilds: Rebuilds
  readonly backfills: Backfills
  readonly verification: Verification
  readonly health: Health
  readonly metrics: Pick<Metrics, 'tallies'>
}): object {
  const { recovery, journal, checkpoints, router, intake, rebuilds, health } = parts
  const { ledger, offline, backfills, verification } = parts
  return {
    recovery,
    sources: Object.fromEntries(parts.metrics.tallies.all),
    journal: { start: journal.start, end: journal.end, flushed: journal.flushed },
    checkpoint: { position: checkpoints.position, lanes: checkpoints.stats },
    ledger: ledger.summary(),
    offline: offline.progress,
    backfills: backfillsBody(backfills.status()),
    verification: verification.status,
    routed: router.counters,
    unacknowledgedBytes: intake.bytes,
    threads: rebuilds.counters,
    health: health.status,
  }
}
