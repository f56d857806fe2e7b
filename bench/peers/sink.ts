/**
 * The peer `sink`: a bare `ws` server takes the same messages, and drops them.
 *
 * An upper bound for anything that is built on `ws`: the same connections, the same generator, and
 * nothing behind them. Each frame is answered; or those that have come together are, which is fewer
 * writes, and for frames of one event several times as fast.
 */
import { runLoad } from '../load.ts'
import { equal } from './check.ts'
import { startChild } from './child.ts'
import { connectToPeer } from './frame-link.ts'
import { perSecond, type PeerOptions } from './options.ts'

export type Answers = 'each' | 'together'

/** What `sink-program.ts` has read, all connections together. */
export interface Taken {
  readonly messages: number
  readonly bytes: number
}

/** @returns events/s. */
export async function measureSink(options: PeerOptions, answers: Answers): Promise<number> {
  const child = await startChild('sink-program', answers)
  try {
    const { workload } = options
    let bytesSent = 0
    const counted = {
      ...workload,
      write: (...args: Parameters<typeof workload.write>): number => {
        const length = workload.write(...args)
        bytesSent += length - headBytes(length)
        return length
      },
    }
    const url = child.ready as string
    const load = await runLoad({
      ...options,
      url,
      connect: connectToPeer(url, workload.frameEvents),
      workload: counted,
      loop: { kind: 'closed', inFlight: options.inFlight },
    })
    const { messages, bytes } = (await child.ask('taken')) as Taken
    equal('sink: messages', messages, load.frameTimesMs.length)
    equal('sink: bytes', bytes, bytesSent)
    return perSecond(load.events, load.measuredMs)
  } finally {
    await child.stop()
  }
}

/** Of a masked message, by its whole length. */
function headBytes(length: number): number {
  return length < 126 + 6 ? 6 : length < 65_536 + 8 ? 8 : 14
}
