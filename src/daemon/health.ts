/**
 * How the daemon is: looks at the disk, the clock and whatever is to move once a second, tells the
 * log what has changed, and says in a word whether it should be sent work.
 *
 * Thread: main.
 */
import { MillraceError, reasonOf, type ErrorCode } from '../base/errors.ts'
import type { GuardedClock } from '../base/guarded-clock.ts'
import { clockStepMsMax, watchMs } from '../base/limits.ts'
import type { Journal } from '../journal/journal.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { DataDirectory } from '../persist/directory.ts'
import type { Lane } from '../route/lanes.ts'
import type { Readiness } from '../serve/http.ts'
import type { Checkpoints } from './checkpoints.ts'
import { DirGuard } from './dir-guard.ts'
import {
  spaceOf,
  type DiskGuard,
  type DiskSpace,
  type JournalExtent,
} from '../intake/disk-guard.ts'
import type { OfflineLog } from './offline-log.ts'
import type { MillraceLog } from '../base/log-port.ts'
import { Watchdog, watchedLane, watchedLog } from './watchdog.ts'

export interface HealthOptions {
  readonly watchdog: Watchdog
  readonly disk: DiskGuard
  readonly space: () => Promise<DiskSpace>
  /** Rejects with `STORE_GONE` when what is written to is not where it was. */
  readonly inPlace: () => Promise<void>
  readonly journal: () => JournalExtent
  readonly clock: Pick<GuardedClock, 'skewMs'>
  readonly offline: Pick<OfflineLog, 'warning'>
  readonly lanes: readonly Pick<Lane, 'lane' | 'isLive'>[]
  readonly log: MillraceLog
  /** Ends the daemon. */
  readonly onFailure: (error: MillraceError) => void
}

/** Watches a daemon; the first look at its disk is done when this resolves. */
export async function openHealth(parts: {
  readonly dataDir: string
  readonly directory: DataDirectory
  readonly disk: DiskGuard
  readonly clock: GuardedClock
  readonly journal: Journal
  readonly ledger: Ledger
  readonly lanes: readonly Lane[]
  readonly checkpoints: Checkpoints
  readonly offline: OfflineLog
  readonly log: MillraceLog
  readonly onFailure: (error: MillraceError) => void
}): Promise<Health> {
  const { journalPath, ledgerPath, shardsPath } = parts.directory
  const folders = [parts.dataDir, journalPath, ledgerPath, shardsPath]
  const { dataDir, disk, clock, journal, ledger, lanes, checkpoints, log, onFailure } = parts
  const { offline } = parts
  const watched = [
    watchedLog('the journal', journal),
    watchedLog('the ledger', ledger),
    ...lanes.flatMap((lane) => watchedLane(lane)),
  ]
  const dir = new DirGuard(() => [...folders, journal.segments.at(-1)!.path])
  const health = new Health({
    watchdog: new Watchdog({ watched, clock, log, onFailure }),
    inPlace: () => dir.look(),
    onFailure,
    disk,
    space: () => spaceOf(dataDir),
    journal: () => ({ end: journal.end, checkpointed: checkpoints.position }),
    clock,
    offline,
    lanes,
    log,
  })
  await health.look()
  return health
}

export class Health {
  readonly #options: HealthOptions
  readonly #timer: NodeJS.Timeout
  /** What the log was told, by code, and has not been told the end of. */
  readonly #told = new Set<ErrorCode>()
  #isLooking = false

  constructor(options: HealthOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.look(), watchMs).unref()
  }

  /** Whether work should be sent, as far as nobody has asked the daemon to end. */
  get readiness(): Readiness {
    const { watchdog, disk, offline } = this.#options
    const { trouble } = watchdog
    if (trouble?.code === 'STALLED') return { state: 'stalled', error: trouble }
    if (trouble !== null) return { state: 'blocked', error: trouble }
    const refusal = disk.refusalAt(this.#options.journal().end)
    if (refusal !== null) return { state: 'storage-full', error: refusal }
    const warnings = [disk.warning, this.#clockWarning, offline.warning, ...this.#rebuilding]
    return { state: 'ready', warnings: warnings.filter((each) => each !== null) }
  }

  /** For `GET /v1/status`. */
  get status(): object {
    const { watchdog, disk, clock } = this.#options
    const { freeBytes = null, freeFiles = null } = disk.space ?? {}
    return {
      freeBytes,
      freeFiles: freeFiles === Infinity ? null : freeFiles,
      clockSkewMs: clock.skewMs(),
      blockedMsMax: watchdog.blockedMsMax,
    }
  }

  async look(): Promise<void> {
    const { watchdog, disk, journal, space, inPlace, onFailure, log } = this.#options
    watchdog.look()
    this.#tell('CLOCK_SKEWED', this.#clockWarning)
    // A disk that hangs does not answer this either.
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      await inPlace()
      disk.look(await space(), journal())
    } catch (thrown) {
      if (thrown instanceof MillraceError) onFailure(thrown)
      else log.error({ reason: reasonOf(thrown) }, 'the disk does not say how it is')
    }
    this.#isLooking = false
    this.#tell('STORAGE_LOW', disk.warning)
    this.#tell('STORAGE_FULL', disk.refusalAt(journal().end))
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  get #rebuilding(): readonly MillraceError[] {
    const dead = this.#options.lanes.filter(({ isLive }) => !isLive)
    return dead.map(({ lane }) => new MillraceError('SHARD_REBUILDING', { lane }))
  }

  get #clockWarning(): MillraceError | null {
    const skewMs = this.#options.clock.skewMs()
    // What is ahead is followed as far as it may be: all that is left is not believed.
    const isSkewed = skewMs > 0 || skewMs < -clockStepMsMax
    return isSkewed ? new MillraceError('CLOCK_SKEWED', { skewMs }) : null
  }

  #tell(code: ErrorCode, trouble: MillraceError | null): void {
    const { log } = this.#options
    if ((trouble !== null) === this.#told.has(code)) return
    if (trouble === null) {
      this.#told.delete(code)
      log.info({ code }, 'no longer so')
    } else {
      this.#told.add(code)
      log.error({ code }, trouble.message)
    }
  }
}
