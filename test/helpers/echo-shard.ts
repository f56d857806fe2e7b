/**
 * A shard thread that applies nothing: it answers every buffer with what it read in it.
 *
 * Each event comes back as a rejection whose path is its shard and whose message is its bytes in
 * hex, so a test sees what arrived, where and in which order. A read of `n` queries is answered
 * with `n` values: the id of the message and the place in it; one of the key 255 fails. Positions
 * must ascend per shard.
 */
import type {
  BatchRejections,
  FromShard,
  PackedAnswers,
  ReadFailure,
  ReadResult,
  ToShard,
} from '../../src/model/message.ts'
import { packAnswers, QueryCursor } from '../../src/model/read-packing.ts'
import { createSectionEvent, readSection, readSectionEvent } from '../../src/model/section.ts'
import type { LaneTask } from '../../src/route/lane-thread.ts'
import { partsOf } from './held-lane.ts'

/** This file, compiled: what a lane starts. */
export const echoShardUrl = new URL(import.meta.url)

type Apply = Extract<ToShard, { kind: 'apply' }>

export default async function echoShard({ start, port }: LaneTask): Promise<void> {
  if (start.storePath === '/throws') throw new Error('store is gone')
  const lastPositions = new Map<number, number>()
  const post = (message: FromShard): void => port.postMessage(message)
  post({
    kind: 'opened',
    shards: start.shards.map((shard) => ({
      shard,
      position: 0,
      watermarks: new Float64Array(0),
      from: 0,
      recorded: 0,
      unrecorded: [],
    })),
  })
  await new Promise<void>((resolve, reject) => {
    port.on('message', (message: ToShard) => {
      switch (message.kind) {
        case 'apply':
          try {
            const rejected = echoed(message, start.shards, lastPositions)
            const watermarks = new Float64Array(0)
            post({ kind: 'applied', id: message.id, rejected, watermarks })
          } catch (error) {
            reject(error as Error)
          }
          return
        case 'read':
          post({ kind: 'read', id: message.id, answers: answersTo(message) })
          return
        case 'checkpoint':
          failOr(start.storePath, post, resolve)
          return
        case 'flushed':
        case 'check':
        case 'find':
        case 'histories':
          return
        case 'close':
          post({ kind: 'closed' })
          resolve()
          return
      }
    })
  })
  port.close()
}

/** Fails in the way that a path names. */
function failOr(path: string, post: (message: FromShard) => void, end: () => void): void {
  const reason = 'disk is full'
  if (path === '/fails') {
    post({ kind: 'failed', reason, error: { code: 'CHECKPOINT_FAILED', details: { reason } } })
    return
  }
  // The end of the task goes another way than what is posted, and may overtake it.
  end()
  if (path !== '/damaged') return
  const error = { code: 'STORE_CORRUPT', details: { file: 'data.mdb', reason } } as const
  post({ kind: 'failed', reason, error })
}

function echoed(
  message: Apply,
  shards: readonly number[],
  lastPositions: Map<number, number>,
): BatchRejections[] {
  const rejected: BatchRejections[] = []
  for (const { shard, view, words, part } of partsOf(message, shards)) {
    for (let at = part.start; at < part.end;) {
      const { position, route, events, start, end } = readSection(view, at)
      if (position < (lastPositions.get(shard) ?? 0)) throw new Error(`${position} is out of order`)
      lastPositions.set(shard, position)
      const rejections = []
      let next = start
      for (let n = 0; n < events; n++) {
        const event = createSectionEvent()
        next = readSectionEvent(words, next, event)
        const { index } = event
        const bytes = Buffer.from(message.events, event.start, event.end - event.start)
        const echo = { path: `${shard}`, message: bytes.toString('hex') }
        rejections.push({ index, code: 'EVENT_DECODE' as const, ...echo })
      }
      rejected.push({ position, route, rejections })
      at = end
    }
  }
  return rejected
}

function answersTo({ id, queries }: Extract<ToShard, { kind: 'read' }>): PackedAnswers {
  const answers: (ReadResult | ReadFailure)[] = []
  for (const cursor = new QueryCursor(queries); cursor.next();) {
    const isOdd = cursor.bytes[cursor.keyStart] === 255
    const failure = { failure: new Error('cannot be read') }
    answers.push(isOdd ? failure : readResult(id, answers.length))
  }
  return packAnswers(queries, answers)
}

function readResult(id: number, place: number): ReadResult {
  return { entity: 'present', newestNs: null, edgeNs: 0n, values: [id, place], hasEvents: [] }
}
