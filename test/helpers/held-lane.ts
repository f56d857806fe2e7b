/**
 * A lane without a thread: it keeps what is posted to it, and answers when told.
 */
import assert from 'node:assert/strict'
import type { BatchRejections, FromShard, ToShard } from '../../src/model/message.ts'
import { eventHeaderBytes, readSection } from '../../src/model/section.ts'
import type { RouterLane } from '../../src/route/lane-mailbox.ts'

type Apply = Extract<ToShard, { kind: 'apply' }>

export class HeldLane implements RouterLane {
  readonly shards: readonly number[]
  readonly posted: Apply[] = []
  /** Bytes of all buffers that were posted, as far as they were filled. */
  sentBytes = 0
  #listener: ((message: FromShard) => void) | null = null
  #answered = 0

  constructor(shards: readonly number[]) {
    this.shards = shards
  }

  post(message: ToShard): void {
    assert.ok(message.kind === 'apply')
    this.posted.push(message)
    for (const { byteLength } of message.shards) this.sentBytes += byteLength
  }

  onMessage(listener: (message: FromShard) => void): void {
    this.#listener = listener
  }

  answer(rejected: readonly BatchRejections[] = []): void {
    const { id } = this.posted[this.#answered++]!
    const watermarks = new Float64Array(0)
    this.#listener!({ kind: 'applied', id, rejected, watermarks })
  }
}

/** One event as a shard finds it; bytes in hex. */
export interface Sent {
  readonly shard: number
  readonly source: number
  readonly route: number
  readonly position: number
  readonly arrivalMs: number
  readonly index: number
  readonly keyHash: number
  readonly key: string
  readonly event: string
}

/** The events of a message, in order. */
export function sentIn({ shards }: Apply): Sent[] {
  const sent: Sent[] = []
  for (const { shard, buffer, byteLength } of shards) {
    const view = new DataView(buffer)
    for (let at = 0; at < byteLength;) {
      const { start, end, events, source, route, position, arrivalMs } = readSection(view, at)
      let event = start
      for (let n = 0; n < events; n++) {
        const keyAt = event + eventHeaderBytes
        const bytesAt = keyAt + view.getUint16(event + 12, true)
        const next = bytesAt + view.getUint32(event + 8, true)
        sent.push({
          shard,
          source,
          route,
          position,
          arrivalMs,
          index: view.getUint32(event, true),
          keyHash: view.getUint32(event + 4, true),
          key: Buffer.from(buffer, keyAt, bytesAt - keyAt).toString('hex'),
          event: Buffer.from(buffer, bytesAt, next - bytesAt).toString('hex'),
        })
        event = next
      }
      assert.equal(event, end, 'a section ends where its last event ends')
      at = end
    }
  }
  return sent
}
