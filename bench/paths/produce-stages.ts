/**
 * The stages of a producer, each measured by a loop that does what the one before does and a step
 * more: make the objects, encode them, collect them into frames. Their differences are the stages.
 */
import { framePoolBytesMax } from '../../src/base/limits.ts'
import { EventBuffer } from '../../src/client/encode.ts'
import { systemEnvironment } from '../../src/client/environment.ts'
import { FramePool } from '../../src/client/frame-pool.ts'
import { layoutOf, type EventLayout } from '../../src/client/layout.ts'
import { resolveOptions } from '../../src/client/options.ts'
import { Producer } from '../../src/client/producer.ts'
import { impressions } from '../features.ts'
import type { Impression } from './produce-events.ts'
import { greeting } from './produce-greeting.ts'

/** The events of a run, call by call; they are made as they are asked for. */
export type Calls = Iterable<readonly Impression[]>

export interface StageOptions {
  readonly frameEvents: number
  readonly hasReceipts: boolean
}

/** Room for an event of the bench and its `bin`, bytes. */
const eventRoomBytes = 128

export function makeAll(calls: Calls): void {
  let count = 0
  for (const events of calls) count += events.length
  if (count === 0) throw new Error('nothing was made')
}

/**
 * @param layout  Null to encode as what goes to a source that is known by name only.
 * @returns a frame's events, as bytes.
 */
export function encodeAll(
  calls: Calls,
  { frameEvents }: StageOptions,
  layout: EventLayout | null = layoutOf(impressions),
): Uint8Array {
  const buffer = new EventBuffer(0, new ArrayBuffer(frameEvents * eventRoomBytes))
  let count = 0
  for (const events of calls) {
    for (const event of events) {
      if (count % frameEvents === 0) buffer.truncate(0)
      buffer.event(event, layout)
      count += 1
    }
  }
  return buffer.view(0)
}

/** Everything but the socket: a frame that is full is dropped, and acknowledged after its call. */
export function collectAll(calls: Calls, { frameEvents, hasReceipts }: StageOptions): void {
  const { publish } = resolveOptions({ url: 'ws://nowhere', batchEventsMax: frameEvents })
  const producer = new Producer(publish, systemEnvironment(), new FramePool(framePoolBytesMax))
  let frames = 0
  producer.connected(greeting('nobody'), () => (frames += 1))
  const layout = layoutOf(impressions)
  let acknowledged = 0
  for (const events of calls) {
    if (hasReceipts) void producer.publish(impressions.name, events, layout)
    else producer.send(impressions.name, events, layout)
    if (frames === acknowledged) continue
    acknowledged = frames
    const upTo = frames * frameEvents - 1
    producer.acknowledged({ kind: 'ack', upTo, credits: null, duplicates: 0, rejections: [] })
  }
}
