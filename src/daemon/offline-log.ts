/**
 * The offline log from the daemon's side: when it is written, what is kept for it, how it is.
 *
 * Now and then, and when much has come together, a process of its own writes everything that is
 * decided and on disk (`export/run-export.ts`). The journal and the ledger keep what it has not
 * come to, within a bound. When it fails, nothing else does: the next turn tries again, and
 * `/readyz` warns.
 *
 * Thread: main.
 */
import { MillraceError, reasonOf } from '../base/errors.ts'
import type { Clock } from '../base/clock.ts'
import { exportBytesMax, offlineBacklogBytesMax } from '../base/limits.ts'
import type { ExportTask } from '../export/run-export.ts'
import { settleOffline, skipGone } from '../export/settle.ts'
import { listParts } from '../export/list-parts.ts'
import { offlineFiles } from '../export/log-files.ts'
import type { ReadableOfflineLog } from '../export/readable-log.ts'
import { readOfflineState, writeOfflineState, type OfflineState } from '../export/state.ts'
import type { Journal } from '../journal/journal.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Catalog } from '../model/catalog.ts'
import { runApart, type ApartRun } from './apart.ts'
import type { Loaded } from './load.ts'
import type { MillraceLog } from '../base/log-port.ts'
import type { Recording } from '../intake/recording.ts'

export interface OfflineLogOptions {
  readonly dir: string
  readonly loaded: Loaded
  readonly journal: Journal
  readonly ledger: Ledger
  readonly clock: Clock
  /** Time between two turns, ms. */
  readonly offlineMs: number
  readonly offlineBytesMax: number
  readonly offlineMsMax: number
  readonly log: MillraceLog
}

/** @throws MillraceError `STORE_FORMAT`, `STORE_CORRUPT`. */
export async function openOfflineLog(options: OfflineLogOptions): Promise<OfflineLog> {
  const { dir, loaded, journal, ledger, log } = options
  const before = await readOfflineState(dir)
  const sources = offlineSources(loaded.catalog)
  const { logId: journalId } = journal
  // As for views that are added: with what comes in this life.
  const found = { ...bounds(options), journalEnd: journal.recovered.end }
  const state = settleOffline(before, { journalId, ...found, sources })
  if (state !== null) await writeOfflineState(dir, state, offlineFiles)
  const isActive = sources.length > 0
  const gaps = (state?.gaps.length ?? 0) - (before?.gaps.length ?? 0)
  if (gaps > 0) log.error({ ...state!.gaps.at(-1) }, 'the offline log has a gap')
  if (isActive) ledger.keepBehind(state!.ledgerFrom)
  return new OfflineLog(options, isActive ? state : null)
}

/** For `GET /v1/status` and `/metrics`. */
export interface OfflineProgress extends Pick<
  OfflineState,
  'exported' | 'rows' | 'unreadable' | 'gaps'
> {
  readonly sources: readonly string[]
  /** Journal that it has not come to. */
  readonly behindBytes: number
  /** Why it cannot be written; null when it can. */
  readonly failure: string | null
}

export class OfflineLog {
  readonly #options: OfflineLogOptions
  /** Null when no source is exported. */
  #state: OfflineState | null
  #recording: Pick<Recording, 'recorded'> | null = null
  #timer: NodeJS.Timeout | null = null
  #stopListening = (): void => {}
  #run: ApartRun | null = null
  #turn: Promise<void> | null = null
  #failure: string | null = null
  /** Those who read its files, which stay for them. */
  #readers = 0
  #isStopped = false

  /** @internal Use {@link openOfflineLog}. */
  constructor(options: OfflineLogOptions, state: OfflineState | null) {
    this.#options = options
    this.#state = state
  }

  /** Position from which on the journal is needed; Infinity when none of it is. */
  get neededFrom(): number {
    if (this.#state === null || this.#behindBytes > offlineBacklogBytesMax) return Infinity
    return this.#state.exported
  }

  /** That it is not written, and why; null while it is. */
  get warning(): MillraceError | null {
    if (this.#failure === null) return null
    const behindBytes = this.#behindBytes
    return new MillraceError('OFFLINE_LOG_BEHIND', { behindBytes, reason: this.#failure })
  }

  /** How it is; null when no source is exported. */
  get progress(): OfflineProgress | null {
    if (this.#state === null) return null
    const { exported, since, rows, unreadable, gaps } = this.#state
    const behindBytes = this.#behindBytes
    const sources = Object.keys(since)
    return { sources, exported, behindBytes, rows, unreadable, gaps, failure: this.#failure }
  }

  /** Begins to write; what is recorded is known from now on. */
  begin(recording: Pick<Recording, 'recorded'>): void {
    if (this.#state === null) return
    this.#recording = recording
    const { journal, offlineMs } = this.#options
    // What comes together while a part is written waits for the turn after it: all of it for one.
    const turn = (): void => {
      if (this.#turn === null) void this.write().catch(() => undefined)
    }
    this.#timer = setInterval(turn, offlineMs).unref()
    let seen = journal.flushed
    this.#stopListening = journal.onFlushed((flushed) => {
      if (flushed - seen < exportBytesMax) return
      seen = flushed
      turn()
    })
  }

  /**
   * Writes everything that is decided by now; resolves when it is on disk.
   *
   * @throws MillraceError `OFFLINE_LOG_BEHIND`.
   */
  async write(): Promise<void> {
    if (this.#state === null || this.#recording === null) return
    const { upTo } = this.#recording.recorded
    while (this.#turn !== null) await this.#turn
    if (this.#state.exported < upTo && !this.#isStopped) {
      // As far as possible by now, so that others who waited have nothing left to write.
      this.#turn = this.#write(this.#recording.recorded.upTo).finally(() => (this.#turn = null))
      await this.#turn
    }
    if (this.warning !== null) throw this.warning
  }

  /**
   * Whoever reads the files finds all of them until it lets go.
   *
   * @returns how far it has come by then, and its files; null when no source is exported.
   */
  async hold(): Promise<ReadableOfflineLog | null> {
    this.#readers += 1
    // It may be letting go of some.
    while (this.#turn !== null) await this.#turn
    const state = this.#state
    return state === null ? null : { state, parts: await listParts(this.#options.dir) }
  }

  letGo(): void {
    this.#readers -= 1
  }

  /** Writes what is left, if that does not take long; before the daemon ends in good order. */
  async finish(): Promise<void> {
    if (this.#behindBytes <= exportBytesMax) await this.write().catch(() => undefined)
  }

  /** Ends whatever is under way; the next start goes on with it. */
  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#stopListening()
    this.#run?.kill()
    await this.#turn
  }

  /** Never rejects: a failure is kept until a turn succeeds. */
  async #write(upTo: number): Promise<void> {
    const { dir, log } = this.#options
    try {
      // A process that died may have come further than it told, or have planned a part: another
      // one in its place would write events of it under a second name.
      const written = this.#failure === null ? null : await readOfflineState(dir)
      if (written !== null) this.#done(written)
      const { definitionsUrl, definitions } = this.#options.loaded
      const message = { definitionsUrl, definitions, task: this.#task(upTo) }
      this.#run = runApart('export', message, (state) => this.#done(state as OfflineState))
      await this.#run.ended
      if (this.#failure !== null) log.info({}, 'the offline log is written again')
      this.#failure = null
    } catch (thrown) {
      if (this.#isStopped) return
      const reason = reasonOf(thrown)
      if (this.#failure === null) log.error({ reason }, 'the offline log cannot be written')
      this.#failure = reason
    } finally {
      this.#run = null
    }
  }

  #task(upTo: number): ExportTask {
    const { dir, journal, ledger, clock, offlineBytesMax, offlineMsMax, log } = this.#options
    const state = skipGone(this.#state!, bounds(this.#options))
    if (state.gaps.length > this.#state!.gaps.length) {
      log.error({ ...state.gaps.at(-1) }, 'the offline log has a gap')
    }
    this.#state = state
    const retention =
      this.#readers === 0
        ? { bytesMax: offlineBytesMax, ageMsMax: offlineMsMax, nowMs: clock.nowMs() }
        : { bytesMax: Infinity, ageMsMax: Infinity, nowMs: clock.nowMs() }
    return { dir, state, upTo, journal: journal.extent, ledger: ledger.extent, retention }
  }

  #done(state: OfflineState): void {
    const { ledger, log } = this.#options
    const unreadable = state.unreadable - this.#state!.unreadable
    if (unreadable > 0) log.error({ unreadable }, 'events are missing in the offline log')
    this.#state = state
    ledger.keepBehind(state.ledgerFrom)
  }

  get #behindBytes(): number {
    return this.#state === null ? 0 : this.#options.journal.end - this.#state.exported
  }
}

function offlineSources({ sources }: Catalog): readonly string[] {
  return sources.filter(({ offline }) => offline).map(({ name }) => name)
}

/** Where both logs begin and end, on disk. */
function bounds({ journal, ledger }: Pick<OfflineLogOptions, 'journal' | 'ledger'>) {
  const { segments } = ledger.extent
  return {
    journalStart: journal.start,
    journalEnd: journal.flushed,
    ledgerStart: segments[0]!.start,
    ledgerEnd: segments.at(-1)!.end,
  }
}
