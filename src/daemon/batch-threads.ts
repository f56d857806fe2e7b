/**
 * Batch sources, each read by a thread of its own that ends with the last row.
 *
 * Thread: main.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { MillraceError } from '../base/errors.ts'
import type { BatchRows, BatchRowsChunk, OpenBatchRows } from '../model/backfill.ts'
import type { BatchStart, FromBatchThread, ToBatchThread } from '../model/batch-messages.ts'
import type { Loaded } from './load.ts'

const workerUrl = new URL(`../../workers/batch${extname(import.meta.url)}`, import.meta.url)

/** @returns what opens the batch source of one of the sources that were loaded. */
export function batchThreads({ definitionsUrl, definitions }: Loaded): OpenBatchRows {
  return async (request) => {
    const start: BatchStart = { definitionsUrl, definitions, request }
    const thread = new BatchThread(new Worker(workerUrl, { workerData: start }))
    await thread.opened
    return thread
  }
}

class BatchThread implements BatchRows {
  /** Settles when the rows are known, or cannot be read. */
  readonly opened: Promise<void>
  total: number | null = null
  readonly #worker: Worker
  readonly #ended: Promise<unknown>
  #chunks: BatchRowsChunk[] = []
  #isAtEnd = false
  #failure: Error | null = null
  #wake: () => void = () => {}

  constructor(worker: Worker) {
    this.#worker = worker
    this.opened = new Promise((resolve, reject) => {
      worker.on('message', (message: FromBatchThread) => {
        if (message.kind === 'opened') {
          this.total = message.total
          resolve()
        } else if (message.kind === 'chunk') this.#chunks.push(message)
        else if (message.kind === 'ended') this.#isAtEnd = true
        else this.#fail(failureOf(message), reject)
        this.#wake()
      })
      const broken = (thrown: Error): void => this.#fail(thrown, reject)
      worker.on('error', broken)
      worker.on('exit', () => broken(new Error('the thread that reads the rows has ended')))
    })
    this.#ended = new Promise((resolve) => worker.once('exit', resolve))
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<BatchRowsChunk> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        yield chunk
        this.#post({ kind: 'more' })
      } else if (this.#isAtEnd) return
      else if (this.#failure !== null) throw this.#failure
      else await this.#next()
    }
  }

  async close(): Promise<void> {
    this.#post({ kind: 'stop' })
    await this.#ended
  }

  #post(message: ToBatchThread): void {
    this.#worker.postMessage(message)
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #fail(failure: Error, reject: (failure: Error) => void): void {
    this.#failure ??= failure
    reject(failure)
    this.#wake()
  }
}

function failureOf({ reason, error }: Extract<FromBatchThread, { kind: 'failed' }>): Error {
  return error === null ? new Error(reason) : new MillraceError(error.code, error.details)
}
