/**
 * The producers: several clients, each with a connection of its own, that push flights as fast as
 * they are acknowledged.
 *
 * What holds afterwards: every flight is on the daemon's disk and counted, or its rejection is in
 * the tally.
 */
import { createClient, type EventOf, type MillraceClient, type Receipt } from 'millrace'
import { flights } from './features.ts'
import type { FlightFile } from './flight-file.ts'

type Flight = EventOf<typeof flights>

/** Flights of one call of `publish`, which is one frame and has one receipt. */
const callFlights = 1000

/** Flights that a producer may have on the way; more only wait longer for their receipts. */
const outboxFlights = 10_000

/** What has become of the flights so far. */
export class Tally {
  sent = 0
  acknowledged = 0
  /** Flights whose receipt says that they were counted. */
  accepted = 0
  /** The first rejection, as text. */
  rejection: string | null = null
  /** From `publish` to its receipt, one of each call, ms. */
  readonly ackMs: number[] = []

  add(count: number, ackMs: number, { accepted, rejected }: Receipt): void {
    this.acknowledged += count
    this.accepted += accepted
    this.ackMs.push(ackMs)
    const [first] = rejected
    if (first !== undefined) this.rejection ??= `${first.path}: ${first.message} (${first.code})`
  }
}

/** One client, and the flights that wait for its next call. */
class FlightProducer {
  readonly client: MillraceClient
  readonly #tally: Tally
  readonly #onReceipt: () => void
  #flights: Flight[] = []
  #failure: unknown = null

  constructor(client: MillraceClient, tally: Tally, onReceipt: () => void) {
    this.client = client
    this.#tally = tally
    this.#onReceipt = onReceipt
  }

  /** Takes a flight. @returns whether it is time to {@link send}. */
  add(flight: Flight): boolean {
    return this.#flights.push(flight) >= callFlights
  }

  /** Publishes what waits, once there is room for it. */
  async send(): Promise<void> {
    await this.client.ready()
    if (this.#failure !== null) throw this.#failure
    const taken = this.#flights
    this.#flights = []
    this.#tally.sent += taken.length
    const startMs = performance.now()
    // Not waited for: the next call is sent while this one is being acknowledged.
    this.client.publish(flights, taken).then(
      (receipt) => {
        this.#tally.add(taken.length, performance.now() - startMs, receipt)
        this.#onReceipt()
      },
      (error: unknown) => {
        this.#failure ??= error
      },
    )
  }

  /** Sends the rest, and waits until every flight has its receipt. */
  async finish(): Promise<void> {
    if (this.#flights.length > 0) await this.send()
    await this.client.flush()
    if (this.#failure !== null) throw this.#failure
  }
}

/** A moment at which the stream stops until something is done. */
export interface Pause {
  /** Flights before it: every one of them is acknowledged then, and no other has been sent. */
  readonly flights: number
  run(): Promise<void>
}

/** Streams a file into a daemon. */
export async function streamFlights(options: {
  readonly file: FlightFile
  readonly clients: readonly MillraceClient[]
  /** Counts along. */
  readonly tally: Tally
  readonly onReceipt: () => void
  /** In their order. @defaultValue none */
  readonly pauses?: readonly Pause[]
}): Promise<void> {
  const { file, clients, tally, onReceipt, pauses = [] } = options
  const producers = clients.map((client) => new FlightProducer(client, tally, onReceipt))
  const finish = () => Promise.all(producers.map((producer) => producer.finish()))
  const [...ahead] = pauses
  let taken = 0
  for await (const { count, dateMs, delay, distance, origin, destination } of file.chunks()) {
    for (let i = 0; i < count; i++) {
      // Dealt by origin, so that the flights of an airport keep their order: which of the flights
      // of one minute is the last is decided by their arrival, and that of different connections
      // is anyone's guess.
      const producer = producers[origin[i]! % producers.length]!
      const isDue = producer.add({
        date: dateMs[i]!,
        delay: delay[i]!,
        distance: distance[i]!,
        origin: file.airports[origin[i]!]!,
        destination: file.airports[destination[i]!]!,
      })
      if (isDue) await producer.send()
      taken++
      if (taken === ahead[0]?.flights) {
        await finish()
        await ahead.shift()!.run()
      }
    }
  }
  await finish()
}

/** Opens clients of a daemon. */
export function createClients(url: string, count: number): MillraceClient[] {
  return Array.from({ length: count }, (_, n) =>
    createClient({
      url,
      producer: `flights-${n + 1}`,
      outboxEventsMax: outboxFlights,
      batchEventsMax: callFlights,
    }),
  )
}
