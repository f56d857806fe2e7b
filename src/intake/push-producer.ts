/**
 * A producer within the process: what it publishes, and what becomes of each batch.
 *
 * Acknowledgements come in the order of the sequences, so the batches that wait are a queue, and a
 * rejection belongs to the first whose end is not before it.
 *
 * Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import type {
  Acknowledgement,
  IngestPort,
  ProducerSession,
  PushOutcome,
  SourceEvents,
} from '../model/contracts.ts'
import type { PushRejection } from '../model/rejection.ts'

/** One batch that waits for its acknowledgement. */
interface Published {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly rejections: PushRejection[]
  readonly settle: () => void
}

export class PushProducer {
  #session!: ProducerSession
  #nextSequence = 0
  /** By sequence. */
  #published: Published[] = []
  /** The intake is full, and the producer has its part of it. */
  #isHeld = false

  /** @param epoch  That of the producer so far; null for a new one. */
  static async open(ingest: IngestPort, name: string, epoch: number | null): Promise<PushProducer> {
    const producer = new PushProducer()
    producer.#session = await ingest.openProducer(name, epoch, {
      acknowledged: (acknowledgement) => producer.#acknowledged(acknowledgement),
      fenced: () => {},
      held: (isHeld) => {
        producer.#isHeld = isHeld
      },
    })
    producer.#nextSequence = producer.#session.lastSequence + 1
    return producer
  }

  /** Whether nothing more should be published for now. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  get epoch(): number {
    return this.#session.epoch
  }

  /** The sequence of the next event. */
  get nextSequence(): number {
    return this.#nextSequence
  }

  /** Publishes from here on what may have been published before. */
  rewind(): void {
    this.#nextSequence = 0
  }

  /** @throws MillraceError why the batch is not taken. */
  publish({ source, count, payload }: SourceEvents): Promise<PushOutcome> {
    if (count === 0) return Promise.resolve({ accepted: 0, rejections: [] })
    const sequence = this.#nextSequence
    const outcome = new Promise<PushOutcome>((resolve) => {
      const rejections: PushRejection[] = []
      this.#published.push({
        firstSequence: sequence,
        lastSequence: sequence + count - 1,
        rejections,
        settle: () => resolve({ accepted: count - rejections.length, rejections }),
      })
    })
    const answer = this.#session.publish({ source, sequence, count, payload })
    if ('expected' in answer) {
      this.#published.pop()
      throw answer.reason ?? new MillraceError('INTERNAL')
    }
    this.#nextSequence += count
    return outcome
  }

  close(): void {
    this.#session.close()
  }

  #acknowledged({ upTo, rejections }: Acknowledgement): void {
    let n = 0
    for (;;) {
      const first = this.#published[0]
      if (first === undefined || first.lastSequence > upTo) return
      for (; n < rejections.length && rejections[n]!.sequence <= first.lastSequence; n++) {
        const { code, path, message, sequence } = rejections[n]!
        if (sequence < first.firstSequence) continue
        first.rejections.push({ index: sequence - first.firstSequence, code, path, message })
      }
      this.#published.shift()
      first.settle()
    }
  }
}
