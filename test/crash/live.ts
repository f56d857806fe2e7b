/**
 * Producers that publish as fast as they are acknowledged while the daemon under them comes and
 * goes, and that know of every event what must become of it.
 */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/base/clock.ts'
import { MillraceClient } from '../../src/client/client.ts'
import { systemEnvironment } from '../../src/client/environment.ts'
import { assertAccount } from './check.ts'
import type { SalesOracle } from './oracle.ts'
import { batchEvents, producerName, Sales, type Sale } from './sales.ts'

/** Batches of one producer that are on their way. */
const batchesInFlight = 6

/** Share of its backoff that a producer waits: as if it were lucky each time. */
const backoffShare = 0.1

export interface LiveOptions {
  readonly url: string
  readonly oracle: SalesOracle
  readonly random: () => number
  readonly producers: number
}

export class LiveLoad {
  readonly producers: number
  /** Events acknowledged so far. */
  acknowledged = 0
  readonly #oracle: SalesOracle
  readonly #clients: readonly MillraceClient[]
  readonly #sales: readonly Sales[]
  /** Sent, and unknown to the oracle. */
  #fresh: Sale[] = []
  #inFlight = 0
  /** Rejects when a producer is told what it may not be told. */
  readonly #broken: Promise<never>
  #break!: (thrown: unknown) => void
  #goOn: (() => void) | null = null
  #going: Promise<void> = Promise.resolve()
  #waiters: { readonly isDue: () => boolean; readonly resolve: () => void }[] = []
  #isOver = false

  constructor({ url, oracle, random, producers }: LiveOptions) {
    this.producers = producers
    this.#oracle = oracle
    this.#broken = new Promise((_, reject) => {
      this.#break = reject
    })
    this.#broken.catch(() => {})
    const startMs = systemClock.nowMs()
    this.#sales = Array.from({ length: producers }, (_, n) => new Sales(n, startMs, random))
    const environment = { ...systemEnvironment(), random: () => random() * backoffShare }
    this.#clients = this.#sales.map((_, n) => {
      const options = { url, producer: producerName(n), batchEventsMax: batchEvents }
      return new MillraceClient(options, environment)
    })
    for (const n of this.#clients.keys()) {
      for (let lane = 0; lane < batchesInFlight; lane++) this.#run(n).catch(this.#break)
    }
  }

  /** Resolves when so many more events are acknowledged. */
  acknowledgedMore(count: number): Promise<void> {
    const until = this.acknowledged + count
    return this.#when(() => this.acknowledged >= until)
  }

  /** Publishes nothing new, and resolves when all that was sent is acknowledged. */
  async settle(): Promise<void> {
    if (this.#goOn === null) {
      this.#going = new Promise((resolve) => {
        this.#goOn = resolve
      })
    }
    await this.#when(() => this.#inFlight === 0)
  }

  resume(): void {
    this.#goOn?.()
    this.#goOn = null
  }

  /** Settles, and holds the daemon against the recount of everything; then goes on. */
  async check(url: string): Promise<void> {
    await this.settle()
    await this.flushToOracle()
    const upTo = this.#sales.map(({ count }) => count)
    await assertAccount(url, await this.#oracle.account(upTo), this.producers)
    this.resume()
  }

  /** Tells the oracle what has been sent by now. */
  async flushToOracle(): Promise<void> {
    const fresh = this.#fresh
    this.#fresh = []
    await this.#oracle.add(fresh)
  }

  /** Ends the producers at once, whatever is on its way. */
  async close(): Promise<void> {
    this.#isOver = true
    this.resume()
    await Promise.all(this.#clients.map((client) => client.close()))
  }

  async #run(n: number): Promise<void> {
    for (;;) {
      while (this.#goOn !== null) await this.#going
      if (this.#isOver) return
      await this.#publish(this.#clients[n]!, this.#sales[n]!)
    }
  }

  async #publish(client: MillraceClient, from: Sales): Promise<void> {
    const first = from.count
    const { source, events, rejected, sales } = from.next()
    this.#fresh.push(...sales)
    this.#inFlight += 1
    try {
      const receipt = await client.publish(source, events as never)
      assert.equal(receipt.firstSequence, first, 'an event has its number as its sequence')
      const told = receipt.rejected.map(({ index, code }) => ({ index, code }))
      if (receipt.rejectionsKnown) assert.deepEqual(told, rejected)
    } catch (thrown) {
      if (!this.#isOver) throw thrown
    }
    this.#inFlight -= 1
    this.acknowledged += events.length
    const waiters = this.#waiters
    this.#waiters = waiters.filter(({ isDue }) => !isDue())
    for (const { isDue, resolve } of waiters) if (isDue()) resolve()
  }

  #when(isDue: () => boolean): Promise<void> {
    if (isDue()) return Promise.resolve()
    const due = new Promise<void>((resolve) => {
      this.#waiters.push({ isDue, resolve })
    })
    return Promise.race([due, this.#broken])
  }
}
