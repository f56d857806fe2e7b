/**
 * The producer of one backfill: rows of a batch source go through the intake like the events of any
 * producer, the n-th row under sequence n. So what was journalled before a crash is not taken
 * again, and the journal says where to go on.
 *
 * It is open from the start of the daemon until its backfill is complete, or it would be forgotten
 * like others that are not seen. Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import { backfillInFlightMax } from '../base/batch-limits.ts'
import type { Journal } from '../journal/journal.ts'
import type { BatchRowsChunk } from '../model/backfill.ts'
import type { IngestPort, ProducerSession } from '../model/contracts.ts'

export interface BackfillProducerOptions {
  readonly id: number
  /** Name of the source. */
  readonly source: string
  readonly journal: Journal
  readonly ingest: IngestPort
  /** Hears of rows that were rejected. */
  readonly onRejected: (count: number) => void
}

/** The name of a producer from outside has no space. */
function backfillProducer(id: number): string {
  return `backfill ${id}`
}

export class BackfillProducer {
  readonly #options: BackfillProducerOptions
  #session: ProducerSession | null = null
  #acknowledged = -1
  #published = -1
  #inFlight: { readonly upTo: number }[] = []
  #wake: () => void = () => {}

  constructor(options: BackfillProducerOptions) {
    this.#options = options
  }

  /** Rows that are counted or rejected for good. */
  get rows(): number {
    return this.#acknowledged + 1
  }

  /** Goes on with what the journal knows of the backfill, or begins it. */
  async open(): Promise<void> {
    if (this.#session !== null) return
    const { id, journal, ingest, onRejected } = this.#options
    const { producers } = journal.producers.state()
    const known = producers.find(({ name }) => name === backfillProducer(id))
    this.#session = await ingest.openProducer(backfillProducer(id), known?.epoch ?? null, {
      acknowledged: ({ upTo, rejections }) => {
        // What is sent again is told again.
        onRejected(rejections.filter(({ sequence }) => sequence >= this.rows).length)
        this.#settle(upTo)
      },
      fenced: () => {},
    })
    this.#acknowledged = this.#session.lastSequence
    this.#published = this.#acknowledged
  }

  /** Lets go of it: its backfill is complete. */
  close(): void {
    this.#session?.close()
    this.#session = null
  }

  /**
   * Publishes rows when there is room for them.
   *
   * @param row  Place of the first in the range of the backfill.
   * @throws MillraceError `BATCH_CHANGED` when rows that were published before were others.
   */
  async publish(row: number, { count, payload, origins }: BatchRowsChunk): Promise<void> {
    const { id, source } = this.#options
    await this.#until(() => this.#inFlight.length < backfillInFlightMax)
    const batch = { source, sequence: row, count, payload, backfill: { id, origins } }
    const answer = this.#publish(batch)
    if ('reason' in answer && answer.reason !== undefined) throw answer.reason
    const upTo = row + count - 1
    if (upTo <= this.#published) return
    this.#published = upTo
    if (upTo > this.#acknowledged) this.#inFlight.push({ upTo })
  }

  /** Resolves when every row that was published is settled. */
  settled(): Promise<void> {
    return this.#until(() => this.#inFlight.length === 0)
  }

  #publish(
    batch: Parameters<ProducerSession['publish']>[0],
  ): ReturnType<ProducerSession['publish']> {
    try {
      return this.#session!.publish(batch)
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || thrown.code !== 'SEQUENCE_REUSED') throw thrown
      const { source } = this.#options
      throw new MillraceError('BATCH_CHANGED', { source, rows: this.rows }, { cause: thrown })
    }
  }

  #settle(upTo: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, upTo)
    this.#inFlight = this.#inFlight.filter((each) => each.upTo > this.#acknowledged)
    this.#wake()
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
