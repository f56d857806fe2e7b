/**
 * A lane without a thread: it keeps what is posted to it, and answers when told.
 */
import assert from 'node:assert/strict'
import type { BatchRejections, FromShard, ToShard } from '../../src/model/message.ts'
import { createSectionEvent, readSection, readSectionEvent } from '../../src/model/section.ts'
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
    this.sentBytes += Math.max(...[...eventsIn(message)].map(({ event }) => event.end))
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
export function sentIn(message: Apply): Sent[] {
  return [...eventsIn(message)].map(({ shard, section, event, buffer }) => {
    const { source, route, position, arrivalMs } = section
    const { index, keyHash, keyStart, keyBytes, start, end } = event
    return {
      shard,
      source,
      route,
      position,
      arrivalMs,
      index,
      keyHash,
      key: Buffer.from(buffer, keyStart, keyBytes).toString('hex'),
      event: Buffer.from(message.events, start, end - start).toString('hex'),
    }
  })
}

function* eventsIn({ shards }: Apply) {
  for (const { shard, buffer, byteLength } of shards) {
    const view = new DataView(buffer)
    const words = new Int32Array(buffer)
    for (let at = 0; at < byteLength;) {
      const section = readSection(view, at)
      let next = section.start
      for (let n = 0; n < section.events; n++) {
        const event = createSectionEvent()
        next = readSectionEvent(words, next, event)
        yield { shard, section, event, buffer }
      }
      assert.equal(next, section.end, 'a section ends where its last event ends')
      at = section.end
    }
  }
}
