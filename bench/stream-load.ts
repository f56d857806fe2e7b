/**
 * A load of READ frames over WebSockets, in a closed loop: each connection has so many in flight.
 */
import { performance } from 'node:perf_hooks'
import { maskedMessage } from '../src/load/message.ts'
import { encodeRead } from '../src/wire/protocol.ts'
import { Gauge, type GaugeOptions } from './gauge.ts'
import { openStream, type StreamLink } from './stream-link.ts'

export interface StreamLoadOptions extends GaugeOptions {
  /** `http://host:port` */
  readonly url: string
  readonly service: string
  /** `reads[n]`: the keys of the n-th read; they are sent over and over. */
  readonly reads: readonly (readonly Readonly<Record<string, string>>[])[]
  readonly connections: number
  /** Reads of a connection that wait for their answers. */
  readonly inFlight: number
}

/** Runs a load; what has come back is in the gauge, and some whole frames. */
export async function runStream(options: StreamLoadOptions): Promise<Gauge<Uint8Array>> {
  const { url, service, reads, connections, inFlight } = options
  const messages = reads.map((keys, id) => maskedMessage(encodeRead(id, service, keys)))
  // Each place in flight walks reads of its own, so that none is in flight twice.
  if (messages.length % (connections * inFlight) !== 0) throw new Error('reads are not dealt out')
  const gauge = new Gauge<Uint8Array>(options)
  const dueMs = new Float64Array(messages.length)
  const links: StreamLink[] = []
  let fail!: (error: Error) => void
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => undefined)
  try {
    for (let place = 0; place < connections; place++) {
      const link = await openStream(url, {
        features(id, frame) {
          gauge.answered(id, dueMs[id]!, () => Uint8Array.from(frame))
          if (gauge.endMs === Infinity) send(place, (id + connections * inFlight) % messages.length)
        },
        failed: fail,
      })
      links.push(link)
    }
    for (let n = 0; n < connections * inFlight; n++) send(n % connections, n)
    await Promise.race([gauge.run(), failed])
  } finally {
    for (const link of links) link.close()
  }
  return gauge

  function send(place: number, id: number): void {
    dueMs[id] = performance.now()
    links[place]!.send(messages[id]!)
  }
}
