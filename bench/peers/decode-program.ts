/**
 * The process of the peer `decode`: decodes for as long as it is told, then says how it went.
 */
import { Decoder } from '@msgpack/msgpack'
import { systemClock } from '../../src/base/clock.ts'
import { createMessage } from '../../src/load/message.ts'
import { createImpressions } from '../workload.ts'
import type { Totals } from './check.ts'
import { answerParent, childArgument } from './child.ts'
import type { DecodeArgument, Decoded } from './decode.ts'
import { createArrayFrames, unmasked, type Impression } from './frames.ts'

/** Events that are decoded over and over: more bytes than a core keeps close by. */
const eventsMin = 100_000

/** Between two looks at the clock. */
const clockEvents = 4096

function framesOf({ impressions }: DecodeArgument): readonly Uint8Array[] {
  const workload = createArrayFrames(createImpressions(impressions), 'msgpack')
  const message = createMessage(workload.messageBytesMax)
  const startMs = systemClock.nowMs()
  return Array.from({ length: Math.ceil(eventsMin / impressions.frameEvents) }, (_, n) =>
    unmasked(message, workload.write(message, n, 0, startMs)),
  )
}

function decodeFor(leastMs: number, decoder: Decoder, frames: readonly Uint8Array[]) {
  const beginMs = systemClock.monotonicMs()
  let events = 0
  let n = 0
  for (;;) {
    const ms = systemClock.monotonicMs() - beginMs
    if (ms >= leastMs) return { events, ms }
    for (const next = events + clockEvents; events < next; n++) {
      events += (decoder.decode(frames[n % frames.length]!) as Impression[]).length
    }
  }
}

function totalsOf(decoder: Decoder, frames: readonly Uint8Array[]): Map<string, Totals> {
  const totals = new Map<string, { -readonly [K in keyof Totals]: Totals[K] }>()
  for (const frame of frames) {
    for (const { user_id: user, amount } of decoder.decode(frame) as Impression[]) {
      const total = totals.get(user) ?? { count: 0, sum: 0, min: amount, max: amount, last: amount }
      total.count += 1
      total.sum += amount
      total.min = Math.min(total.min, amount)
      total.max = Math.max(total.max, amount)
      total.last = amount
      totals.set(user, total)
    }
  }
  return totals
}

const options = childArgument() as DecodeArgument
const frames = framesOf(options)
const decoder = new Decoder()
decodeFor(options.warmupMs, decoder, frames)
const decoded: Decoded = {
  ...decodeFor(options.measuredMs, decoder, frames),
  frames: frames.length,
}
answerParent(decoded, (users) => {
  const totals = totalsOf(decoder, frames)
  return (users as string[]).map((user) => totals.get(user) ?? null)
})
