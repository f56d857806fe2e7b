/**
 * A lane without a thread: it keeps what is posted to it, and answers when told.
 */
import assert from 'node:assert/strict'
import type { BatchRejections, FromShard, ToShard } from '../../src/model/message.ts'
import { lanePart } from '../../src/model/lane-sections.ts'
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
    for (const { part } of partsOf(message, this.shards)) this.sentBytes += part.end - part.start
    this.sentBytes += Math.max(...[...eventsIn(message, this.shards)].map(({ event }) => event.end))
  }

  /** The events of all that was posted, in order. */
  get sent(): Sent[] {
    return this.posted.flatMap((message) => sentIn(message, this.shards))
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

/** The parts of a message to a lane with these shards. */
export function* partsOf({ sections }: Apply, shards: readonly number[]) {
  const words = new Int32Array(sections)
  const view = new DataView(sections)
  for (const [place, shard] of shards.entries()) {
    yield { shard, words, view, part: lanePart(words, place) }
  }
}

/** The events of a message to a lane with these shards, in order. */
export function sentIn(message: Apply, shards: readonly number[]): Sent[] {
  return [...eventsIn(message, shards)].map(({ shard, section, event, words }) => {
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
      key: Buffer.from(words.buffer, keyStart, keyBytes).toString('hex'),
      event: Buffer.from(message.events, start, end - start).toString('hex'),
    }
  })
}

function* eventsIn(message: Apply, shards: readonly number[]) {
  for (const { shard, words, view, part } of partsOf(message, shards)) {
    for (let at = part.start; at < part.end;) {
      const section = readSection(view, at)
      let next = section.start
      for (let n = 0; n < section.events; n++) {
        const event = createSectionEvent()
        next = readSectionEvent(words, next, event)
        yield { shard, section, event, words }
      }
      assert.equal(next, section.end, 'a section ends where its last event ends')
      at = section.end
    }
  }
}
