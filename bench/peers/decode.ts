/**
 * The peer `decode`: `@msgpack/msgpack` decodes the same events, and nothing else is done.
 *
 * A lower bound for anything in JavaScript that uses the library: one core, a decoder that is used
 * again and again, frames of as many events as the product gets, each frame one array, which is the
 * fastest way to call it. In a process of its own, whose decoder has seen nothing else.
 */
import { sentTo } from '../sent.ts'
import { checkTotals, usersOf, type Totals } from './check.ts'
import { startChild } from './child.ts'
import { createArrayFrames } from './frames.ts'
import { perSecond, type PeerOptions } from './options.ts'

export type DecodeArgument = Pick<PeerOptions, 'impressions' | 'warmupMs' | 'measuredMs'>

/** What `decode-program.ts` says when it is done. */
export interface Decoded {
  readonly events: number
  readonly ms: number
  /** Frames of the workload, from the first, that it has decoded over and over. */
  readonly frames: number
}

/** @returns events/s. */
export async function measureDecode(options: PeerOptions): Promise<number> {
  const { impressions, workload, warmupMs, measuredMs } = options
  const argument: DecodeArgument = { impressions, warmupMs, measuredMs }
  const child = await startChild('decode-program', argument)
  try {
    const { events, ms, frames } = child.ready as Decoded
    const frameTimesMs = Array.from({ length: frames }, () => 0)
    const sample = sentTo(impressions.keys, createArrayFrames(workload, 'msgpack'), frameTimesMs)
    const totals = (await child.ask(usersOf(sample))) as (Totals | null)[]
    checkTotals('decode', sample, totals)
    return perSecond(events, ms)
  } finally {
    await child.stop()
  }
}
