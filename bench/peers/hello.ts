/**
 * The peer `fastify`: hello-world, an upper bound for whoever answers reads over HTTP with it.
 */
import { threadTimes, type ThreadTimes } from '../daemon.ts'
import { startChild } from './child.ts'
import { runHttpLoad } from './http-load.ts'
import { perSecond, type PeerOptions } from './options.ts'

/** Keep-alive connections, one request at a time on each. */
const connections = 50

const answer = '{"hello":"world"}'

export interface Hello {
  /** `http://host:port`; `GET /` is answered with `{"hello":"world"}`. */
  readonly url: string
  /** CPU time used so far. */
  readonly cpu: () => Promise<ThreadTimes>
  stop(): Promise<void>
}

/** Starts the server as a process of its own. */
export async function startHello(): Promise<Hello> {
  const child = await startChild('hello-program', null)
  const { ready, pid } = child
  return { url: ready as string, cpu: () => threadTimes(pid), stop: () => child.stop() }
}

/** @returns requests/s. */
export async function measureHello(
  options: Pick<PeerOptions, 'warmupMs' | 'measuredMs'>,
): Promise<number> {
  const { warmupMs, measuredMs } = options
  const hello = await startHello()
  try {
    const url = new URL('/', hello.url)
    const load = await runHttpLoad({ url, connections, answer, warmupMs, measuredMs })
    return perSecond(load.requests, load.measuredMs)
  } finally {
    await hello.stop()
  }
}
