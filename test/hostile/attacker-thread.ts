/**
 * A thread that attacks a port over many connections at a time, and says how it goes.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { below } from '../helpers/mutate.ts'
import { randomNumbers } from '../helpers/random.ts'
import { attackFrames, attackHttp } from './attack.ts'
import { Finding, Meter } from './finding.ts'

export interface AttackerData {
  readonly port: number
  readonly seed: number
  /** Frames and requests to send, at least. */
  readonly count: number
  readonly connections: number
}

/** What the thread posts: how far it is, and at last the end or a finding. */
export interface AttackerMessage {
  readonly frames: number
  readonly events: number
  readonly connections: number
  readonly slowestMs: number
  readonly finding: { readonly input: Uint8Array; readonly what: string } | null
  readonly isDone: boolean
}

const { port, seed, count, connections } = workerData as AttackerData
const random = randomNumbers(seed)
const meter = new Meter('socket')
let [frames, events] = [0, 0]
const stop = new AbortController()
parentPort!.once('message', () => stop.abort())

function report(isDone: boolean, finding: AttackerMessage['finding'] = null): void {
  const { count, slowestMs } = meter
  const message = { frames, events, connections: count, slowestMs, finding, isDone }
  parentPort!.postMessage(message satisfies AttackerMessage)
}

async function attack(): Promise<void> {
  while (frames < count && !stop.signal.aborted) {
    const send = below(random, 4) === 0 ? attackHttp : attackFrames
    const done = await meter.wait(new Uint8Array(), () => send(port, random))
    frames += done.frames
    events += done.events
    meter.again(done.sent, done.check)
    if (meter.count % 100 === 0) report(false)
  }
}

try {
  await Promise.all(Array.from({ length: connections }, attack))
  report(true)
} catch (thrown) {
  stop.abort()
  const input = thrown instanceof Finding ? thrown.input : new Uint8Array()
  report(true, { input, what: String(thrown) })
}
// Nobody is listened to any more: the thread ends when its connections have.
parentPort!.close()
