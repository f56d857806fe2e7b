/**
 * A producer that knows nothing but `docs/reference/protocol.md`: what it takes to write one.
 */
import { decode, encode } from '@msgpack/msgpack'
import { WebSocket } from 'ws'

type Reject = [sequence: number, code: string, path: string, message: string]
type Fields = { credits: { events: number }; rejects?: Reject[] }

/** Sends events (small ones: the credit in bytes is never met), waits for the last ack, leaves. */
export function produce(
  url: string,
  producer: string,
  source: string,
  events: readonly object[],
): Promise<{ upTo: number; rejects: Reject[] }> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, 'millrace.v1+msgpack')
    const rejects: Reject[] = []
    let [upTo, sent, credit] = [-1, 0, 0]
    const send = (...frame: unknown[]): void => ws.send(encode(frame))
    ws.on('open', () => send(1, { v: 1, producer, epoch: null }))
    ws.on('message', (message: Buffer) => {
      const [type, ...fields] = decode(message) as [number, ...unknown[]]
      if (type === 2) credit = (fields[0] as Fields).credits.events
      if (type === 4) upTo = fields[0] as number
      if (type === 4) rejects.push(...((fields[1] as Fields).rejects ?? []))
      while (sent < events.length && sent - upTo - 1 + 100 <= credit) {
        const batch = events.slice(sent, sent + 100).map((event) => encode(event))
        send(3, source, sent, batch)
        sent += batch.length
      }
      if (type !== 6 && upTo === events.length - 1) send(9)
    })
    ws.on('error', reject)
    ws.on('close', (code, reason) => {
      if (code === 1000) resolve({ upTo, rejects })
      else reject(new Error(`${code} ${String(reason)}`))
    })
  })
}
