/**
 * Publishes entries of the ledger again, each at most once, by the way of every event.
 *
 * They go through the intake under a producer of their own. Before a batch of them is published,
 * the ledger writes down which entries it holds and under which sequences. After a crash the
 * journal knows whether the batch was taken: if it was, so were its entries, and if not, the same
 * sequences are used again, which shows in the ledger that the first attempt never came to pass.
 * One batch is on its way at a time, so only the last one is ever in doubt.
 *
 * Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import { ledgerPageEntriesMax, ledgerReplayEntriesMax } from '../base/limits.ts'
import type { Journal } from '../journal/journal.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { IngestPort, ProducerSession } from '../model/contracts.ts'
import type { LedgerEntry, ReplayOutcome, ReplayRequest } from '../model/ledger.ts'
import { payloadOf } from '../model/payload.ts'
import { replayProducer } from '../intake/recording.ts'

/** Events and bytes of one batch; one event may be larger. */
const batchEvents = 1000
const batchBytesMax = 1024 * 1024

export interface LedgerReplayOptions {
  readonly ledger: Ledger
  readonly journal: Journal
  readonly ingest: IngestPort
  /** Names of the sources that can be published to. */
  readonly sources: readonly string[]
}

type Tally = { -readonly [K in keyof ReplayOutcome]: ReplayOutcome[K] } & {
  skipped: { partial: number; replayed: number; sourceUnknown: number }
}

interface Waiting {
  readonly upTo: number
  rejected: number
  readonly resolve: (rejected: number) => void
}

export class LedgerReplay {
  readonly #options: LedgerReplayOptions
  readonly #sources: ReadonlySet<string>
  #session: ProducerSession | null = null
  #nextSequence = 0
  #waiting: Waiting | null = null
  #isStopping = false
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: LedgerReplayOptions) {
    this.#options = options
    this.#sources = new Set(options.sources)
    const { ledger } = options
    const { lastReplay } = ledger
    const known = this.#known()
    if (lastReplay === null || known?.epoch !== lastReplay.epoch) return
    if (known.nextSequence >= lastReplay.sequence + lastReplay.ids.length) ledger.publishedReplay()
  }

  /**
   * Replays the entries that are asked for, as far as one request goes; one request at a time.
   *
   * @throws MillraceError `DRAINING`
   */
  replay(request: ReplayRequest): Promise<ReplayOutcome> {
    const turn = this.#turn.then(() => this.#replay(request))
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** Begins no batch any more; resolves when the last one is acknowledged. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#turn
  }

  async #replay(request: ReplayRequest): Promise<ReplayOutcome> {
    const { ledger } = this.#options
    const upTo = Math.min(request.upTo, ledger.lastId)
    const tally = newTally(upTo)
    let left = Math.min(request.limit, ledgerReplayEntriesMax)
    for (let after = request.after; ;) {
      if (this.#isStopping) throw new MillraceError('DRAINING')
      const limit = Math.min(left, ledgerPageEntriesMax)
      const page = await ledger.read({ filter: request.filter, after, upTo, limit })
      const meant = page.entries.filter((entry) => this.#isMeant(entry, tally))
      tally.replayed += meant.length
      if (!request.isDryRun) await this.#publishAll(meant, tally)
      left -= page.entries.length
      tally.next = page.next
      if (page.next === null || left === 0) return tally
      after = page.next
    }
  }

  #isMeant({ isReplayed, views, source }: LedgerEntry, tally: Tally): boolean {
    if (isReplayed) tally.skipped.replayed += 1
    else if (views.length > 0) tally.skipped.partial += 1
    else if (this.#sources.has(source)) return true
    else {
      tally.skipped.sourceUnknown += 1
      const { sourcesUnknown } = tally
      if (!sourcesUnknown.includes(source)) tally.sourcesUnknown = [...sourcesUnknown, source]
    }
    return false
  }

  async #publishAll(entries: readonly LedgerEntry[], tally: Tally): Promise<void> {
    for (let from = 0; from < entries.length;) {
      const batch = batchFrom(entries, from)
      from += batch.length
      const rejected = await this.#publish(batch)
      tally.rejected += rejected
      tally.accepted += batch.length - rejected
    }
  }

  /** Publishes entries of one source; resolves to how many were rejected again. */
  async #publish(entries: readonly LedgerEntry[]): Promise<number> {
    const { ledger } = this.#options
    const session = (this.#session ??= await this.#open())
    const { length: count } = entries
    const sequence = this.#nextSequence
    const ids = entries.map(({ id }) => id)
    await ledger.beginReplay({ epoch: session.epoch, sequence, ids })
    const payload = payloadOf(entries.map(({ event }) => event))
    const acknowledged = new Promise<number>((resolve) => {
      this.#waiting = { upTo: sequence + count - 1, rejected: 0, resolve }
    })
    const answer = session.publish({ source: entries[0]!.source, sequence, count, payload })
    if ('reason' in answer && answer.reason !== undefined) {
      this.#waiting = null
      throw answer.reason
    }
    ledger.publishedReplay()
    this.#nextSequence += count
    return acknowledged
  }

  async #open(): Promise<ProducerSession> {
    const epoch = this.#known()?.epoch ?? null
    const session = await this.#options.ingest.openProducer(replayProducer, epoch, {
      acknowledged: ({ upTo, rejections }) => this.#acknowledged(upTo, rejections.length),
      fenced: () => {},
    })
    this.#nextSequence = session.lastSequence + 1
    return session
  }

  #acknowledged(upTo: number, rejected: number): void {
    const waiting = this.#waiting
    if (waiting === null) return
    waiting.rejected += rejected
    if (upTo < waiting.upTo) return
    this.#waiting = null
    waiting.resolve(waiting.rejected)
  }

  #known() {
    const { producers } = this.#options.journal.producers.state()
    return producers.find(({ name }) => name === replayProducer)
  }
}

function newTally(upTo: number): Tally {
  return {
    replayed: 0,
    accepted: 0,
    rejected: 0,
    skipped: { partial: 0, replayed: 0, sourceUnknown: 0 },
    sourcesUnknown: [],
    upTo,
    next: null,
  }
}

/** The entries from a place on that go into one batch: of one source, and not too many. */
function batchFrom(entries: readonly LedgerEntry[], from: number): readonly LedgerEntry[] {
  const { source } = entries[from]!
  let bytes = 0
  let end = from
  do {
    bytes += entries[end]!.event.length
    end += 1
  } while (
    end < entries.length &&
    end - from < batchEvents &&
    entries[end]!.source === source &&
    bytes + entries[end]!.event.length <= batchBytesMax
  )
  return entries.slice(from, end)
}
