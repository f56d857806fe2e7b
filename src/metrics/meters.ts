/**
 * How long things take: histograms that are added to once for a batch, a read, a flush or a
 * checkpoint, in seconds as Prometheus wants them.
 *
 * Labels are names of the catalog and numbers of lanes and routes; nothing that a client has sent.
 */
import { Histogram, type Registry } from 'prom-client'

export class Meters {
  readonly #batches: Histogram
  readonly #reads: Histogram<'service'>
  readonly #flushes: Histogram
  readonly #checkpoints: Histogram<'lane'>

  constructor(registry: Registry) {
    const registers = [registry]
    this.#batches = new Histogram({
      name: 'millrace_batch_seconds',
      help: 'From the arrival of a batch until all of it is on disk, and applied or recorded.',
      buckets,
      registers,
    })
    this.#reads = new Histogram({
      name: 'millrace_read_seconds',
      help: 'Reads of features, by service or view, whatever the number of keys.',
      labelNames: ['service'],
      buckets,
      registers,
    })
    this.#flushes = new Histogram({
      name: 'millrace_journal_flush_seconds',
      help: 'Writes of a group of batches to the journal, with their flush.',
      buckets,
      registers,
    })
    this.#checkpoints = new Histogram({
      name: 'millrace_checkpoint_seconds',
      help: 'From the request of a checkpoint of one shard until it is committed.',
      labelNames: ['lane'],
      buckets,
      registers,
    })
  }

  batchSettled(ms: number): void {
    this.#batches.observe(ms / 1000)
  }

  /** @param service  Of the catalog. */
  read(service: string, ms: number): void {
    this.#reads.observe({ service }, ms / 1000)
  }

  flushed(ms: number): void {
    this.#flushes.observe(ms / 1000)
  }

  checkpointed(lane: number, ms: number): void {
    this.#checkpoints.observe({ lane }, ms / 1000)
  }
}

/** Upper bounds, seconds: from what memory takes to what a disk that hangs takes. */
const buckets = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]
