/**
 * Verification from the daemon's side: it is asked for, or made now and then; a process of its own
 * makes it (`verify/verify.ts`), and asks from here what is served.
 *
 * The journal is kept whole while it is read. Thread: main.
 */
import type { Clock } from '../base/clock.ts'
import { MillraceError, reasonOf, type ErrorCode, type ErrorDetails } from '../base/errors.ts'
import { verifiedKeysStandard } from '../base/limits.ts'
import { identityOf } from '../define/identity.ts'
import type { Journal } from '../journal/journal.ts'
import type { ReadableOfflineLog } from '../export/readable-log.ts'
import type { Certificate, VerifyPort, VerifyRequest } from '../model/certificate.ts'
import type { ReadPort } from '../model/contracts.ts'
import { loggedPast } from '../verify/logged-past.ts'
import type { LedgerPort } from '../model/ledger.ts'
import type { Verified, VerifyTask } from '../verify/verify.ts'
import { runApart, type ApartRun } from './apart.ts'
import type { Settled } from './definitions.ts'
import type { Histories } from '../backfill/histories.ts'
import type { Loaded } from './load.ts'
import type { OfflineLog } from './offline-log.ts'
import type { MillraceLog } from '../base/log-port.ts'
import type { Rebuilds } from '../recovery/rebuilds.ts'
import type { Recording } from '../intake/recording.ts'

export interface VerificationOptions {
  readonly loaded: Loaded
  readonly settled: Settled
  readonly histories: Histories
  readonly journal: Journal
  readonly recording: Pick<Recording, 'recorded'>
  readonly rebuilds: Pick<Rebuilds, 'quarantined'>
  readonly offline: Pick<OfflineLog, 'hold' | 'letGo'>
  readonly ledger: Pick<LedgerPort, 'summary'>
  readonly read: ReadPort
  readonly clock: Clock
  /** Time between two that nobody asks for, ms; 0 for none. */
  readonly verifyMs: number
  readonly log: MillraceLog
}

/** What the process says: a question, what it has found, or why it cannot. */
export type FromVerify =
  | {
      readonly kind: 'ask'
      readonly id: number
      readonly view: string
      readonly keys: readonly Readonly<Record<string, unknown>>[]
    }
  | { readonly kind: 'verified'; readonly verified: Verified }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly details: ErrorDetails }

export class Verification implements VerifyPort {
  /** What has become of those that have ended. */
  readonly outcomes = { equal: 0, different: 0, failed: 0 }
  last: Certificate | null = null
  failure: string | null = null
  readonly #options: VerificationOptions
  readonly #timer: NodeJS.Timeout | null
  #running: Promise<Certificate> | null = null
  #run: ApartRun | null = null
  #neededFrom = Infinity
  #isStopped = false

  constructor(options: VerificationOptions) {
    this.#options = options
    const { verifyMs } = options
    // Another sample each time.
    const turn = (): void =>
      void this.verify({ keysMax: verifiedKeysStandard, seed: this.runs }).catch(() => undefined)
    this.#timer = verifyMs === 0 ? null : setInterval(turn, verifyMs).unref()
  }

  get runs(): number {
    const { equal, different, failed } = this.outcomes
    return equal + different + failed
  }

  get isRunning(): boolean {
    return this.#running !== null
  }

  /** Position from which on the journal is being read; Infinity when it is not. */
  get neededFrom(): number {
    return this.#neededFrom
  }

  /** For `GET /v1/status`: nothing of any event. */
  get status(): object {
    const { isRunning, runs, failure, last } = this
    if (last === null) return { isRunning, runs, failure, last }
    const { difference: _difference, ...rest } = last
    return { isRunning, runs, failure, last: rest }
  }

  verify(request: VerifyRequest): Promise<Certificate> {
    this.#running ??= this.#verify(request).finally(() => (this.#running = null))
    return this.#running
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#run?.kill()
  }

  async #verify(request: VerifyRequest): Promise<Certificate> {
    const { journal, offline, clock, log } = this.#options
    const startedMs = clock.nowMs()
    const from = journal.start
    this.#neededFrom = from
    try {
      const found = await this.#runApart(request, await offline.hold())
      const certificate = this.#certificate(request, found, { from, startedMs })
      this.outcomes[certificate.isEqual ? 'equal' : 'different'] += 1
      this.last = certificate
      this.failure = null
      if (certificate.isEqual) log.info({ ...this.status }, 'verified')
      else {
        const { view, feature } = certificate.difference ?? {}
        log.error({ view, feature }, 'what is served is not what the journal says')
      }
      return certificate
    } catch (thrown) {
      this.outcomes.failed += 1
      this.failure = reasonOf(thrown)
      if (!this.#isStopped) log.error({ reason: this.failure }, 'what is served was not verified')
      throw thrown
    } finally {
      this.#neededFrom = Infinity
      offline.letGo()
      this.#run = null
    }
  }

  async #runApart(request: VerifyRequest, logged: ReadableOfflineLog | null): Promise<Verified> {
    const { loaded, settled, journal, histories, rebuilds } = this.#options
    const { catalog, definitionsUrl, definitions } = loaded
    const { seed: storeSeed } = settled.manifest
    const { viewsSince } = settled
    const task: VerifyTask = {
      ...request,
      journal: journal.extent,
      past: loggedPast(catalog, logged, {
        journalStart: journal.start,
        quarantined: rebuilds.quarantined,
      }),
      storeSeed,
      viewsSince,
      histories: histories.all,
      // Their state is on its way to what it will be.
      open: settled.viewIds.flatMap((_, view) => (histories.isOpen(view) ? [view] : [])),
    }
    let verified: Verified | null = null
    let refused: MillraceError | null = null
    const message = { definitionsUrl, definitions, task }
    const run = runApart('verify', message, (answer) => {
      const told = answer as FromVerify
      if (told.kind === 'verified') verified = told.verified
      else if (told.kind === 'refused') refused = new MillraceError(told.code, told.details)
      else {
        const { id } = told
        this.#ask(told).then(
          (served) => run.send({ id, served }),
          (thrown: unknown) => run.send({ id, failure: reasonOf(thrown) }),
        )
      }
    })
    this.#run = run
    await run.ended
    if (refused !== null) throw refused as MillraceError
    return verified!
  }

  /** What is served, and between which positions it was read. */
  async #ask({ view, keys }: Extract<FromVerify, { kind: 'ask' }>) {
    const { read, recording, journal, rebuilds } = this.#options
    const before = recording.recorded.upTo
    const { rows } = await read.read(view, keys)
    const after = journal.end
    await journal.whenFlushed(after)
    const { quarantined } = rebuilds
    const isLimited = this.#isLimited(view)
    return { rows, before, after, journal: journal.extent, quarantined, isLimited }
  }

  /** Whether keys of a view may have been one too many, ever. */
  #isLimited(name: string): boolean {
    const { ledger, loaded } = this.#options
    const { views, sources } = loaded.catalog
    const source = sources[views.find((view) => view.name === name)!.source]!.name
    const { counts, other } = ledger.summary()
    // What is counted together may be of any source.
    if (other.rejected + other.partial > 0) return true
    return counts.some((each) => each.source === source && each.code === 'EVENT_CARDINALITY')
  }

  #certificate(
    request: VerifyRequest,
    { views, difference, to, events, loggedEvents }: Verified,
    { from, startedMs }: { readonly from: number; readonly startedMs: number },
  ): Certificate {
    const { loaded, clock } = this.#options
    const identities = loaded.catalog.views.map(({ name, identity }) => [name, identity])
    return {
      isEqual: views.every(({ different }) => different === 0),
      definitions: identityOf(JSON.stringify(identities)),
      journal: { from, to },
      events,
      loggedEvents,
      seed: request.seed,
      views,
      difference,
      startedAt: new Date(startedMs).toISOString(),
      tookMs: clock.nowMs() - startedMs,
    }
  }
}
