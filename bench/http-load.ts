/**
 * A load of HTTP requests, in a closed or an open loop.
 *
 * Closed: every connection sends its next request when it has its answer. Open: requests are due
 * at moments that follow from the rate alone; one for which no connection is free waits, and its
 * latency counts from when it was due.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Gauge, type GaugeOptions } from './gauge.ts'
import { HttpConnection } from './http-connection.ts'
import { startMetronome } from './metronome.ts'

export interface HttpLoadOptions extends GaugeOptions {
  /** `http://host:port` */
  readonly url: string
  /** Whole requests, sent over and over. */
  readonly requests: readonly Buffer[]
  readonly connections: number
  /** Requests a second in an open loop; null for a closed one. */
  readonly rate: number | null
}

/** For the requests that were due and are not answered at the end, ms. */
const lateMsMax = 30_000

/** A `GET` as it goes over the wire. */
export function httpGet(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
}

/** A `POST` of JSON. */
export function httpPost(path: string, body: object): Buffer {
  const text = JSON.stringify(body)
  const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`
  return Buffer.from(`${head}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
}

/** Runs a load; what has come back is in the gauge. The bodies of some answers are kept. */
export async function runHttp(options: HttpLoadOptions): Promise<Gauge<string>> {
  const load = new HttpLoad(options)
  try {
    await load.run()
  } finally {
    await load.close()
  }
  return load.gauge
}

class HttpLoad {
  readonly gauge: Gauge<string>
  readonly #options: HttpLoadOptions
  readonly #connections: HttpConnection[] = []
  /** By connection: the request it waits for, and when that was due. */
  readonly #request: number[] = []
  readonly #dueMs: number[] = []
  /** Places of connections that wait for nothing. */
  readonly #free: number[] = []
  #metronome: ReturnType<typeof startMetronome> | null = null
  #startMs = 0
  /** Requests that were sent, and in an open loop the n-th is due at `n / rate`. */
  #sent = 0
  #fail: (error: Error) => void = () => {}
  #isClosed = false

  constructor(options: HttpLoadOptions) {
    this.#options = options
    this.gauge = new Gauge(options)
  }

  async run(): Promise<void> {
    const { url, connections, rate } = this.#options
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    failed.catch(() => undefined)
    for (let place = 0; place < connections; place++) {
      const connection = await HttpConnection.open(url, {
        answered: (body) => this.#answered(place, body),
        failed: (error) => {
          if (!this.#isClosed) this.#fail(error)
        },
      })
      this.#connections.push(connection)
      this.#free.push(place)
    }
    this.#startMs = performance.now()
    if (rate !== null) {
      const beats = { startMs: this.#startMs, periodMs: 1000 / rate }
      this.#metronome = startMetronome(beats, () => this.#sendDue())
    }
    if (rate === null) for (const place of this.#free.splice(0)) this.#send(place, this.#startMs)
    await Promise.race([this.gauge.run(), failed])
    await this.#metronome?.stop()
    if (rate !== null) await Promise.race([this.#finish(), failed])
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#metronome?.stop()
    for (const connection of this.#connections) connection.close()
  }

  /** In an open loop: sends what is due, as far as connections are free. */
  #sendDue(): void {
    const intervalMs = 1000 / this.#options.rate!
    const nowMs = performance.now()
    while (this.#free.length > 0) {
      const dueMs = this.#startMs + this.#sent * intervalMs
      if (dueMs > nowMs || dueMs >= this.gauge.endMs) return
      this.#send(this.#free.pop()!, dueMs)
    }
  }

  /** Sends the requests that were due and waits for their answers: they have waited the longest. */
  async #finish(): Promise<void> {
    const { connections } = this.#options
    const untilMs = this.gauge.endMs + lateMsMax
    this.#sendDue()
    while (this.#free.length < connections) {
      if (performance.now() > untilMs) throw new Error('the rate is more than can be answered')
      await sleep(1)
    }
  }

  #send(place: number, dueMs: number): void {
    const { requests } = this.#options
    const request = this.#sent++ % requests.length
    this.#request[place] = request
    this.#dueMs[place] = dueMs
    this.#connections[place]!.send(requests[request]!)
  }

  #answered(place: number, body: Buffer): void {
    this.gauge.answered(this.#request[place]!, this.#dueMs[place]!, () => body.toString())
    if (this.#options.rate === null) {
      if (this.gauge.endMs === Infinity) this.#send(place, performance.now())
      return
    }
    this.#free.push(place)
    this.#sendDue()
  }
}
