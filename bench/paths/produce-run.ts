/**
 * The producer of the `produce` bench: a program that publishes, a process of its own.
 *
 * It is told what to do by one message, measures its own CPU time, the whole first, then the stages
 * and what a WebSocket costs, and answers with one message.
 */
import { createClient, type MillraceClient } from '../../src/index.ts'
import { impressions } from '../features.ts'
import { eventMaker, type EventOptions } from './produce-events.ts'
import { openSender, type Way } from './produce-socket.ts'
import { collectAll, encodeAll, makeAll, type Calls, type StageOptions } from './produce-stages.ts'

export interface RunOptions extends EventOptions, StageOptions {
  /** Of the sink: `ws://host:port`. */
  readonly url: string
  /** Measured; a third as many go before. */
  readonly events: number
  /** In a call. */
  readonly callEvents: number
}

/** CPU time of this process, ns an event. */
export type CpuTimes = Readonly<
  Record<'whole' | 'made' | 'encoded' | 'encodedGenerally' | 'collected' | Way, number>
>

export interface RunResult {
  /** Published, those that were not measured included. */
  readonly published: number
  readonly wallMs: number
  readonly cpuNs: CpuTimes
}

/** A program that hands over one event at a time asks for room only now and then. */
const eventsPerReady = 100

async function run(options: RunOptions): Promise<RunResult> {
  const { events, frameEvents } = options
  const callsFrom = callMaker(options)
  const warmup = Math.ceil(events / 3)
  const client = createClient({ url: options.url, producer: 'p', batchEventsMax: frameEvents })
  await publishAll(client, callsFrom(0, warmup), options)
  const startMs = performance.now()
  const whole = await cpuNs(() => publishAll(client, callsFrom(warmup, events), options))
  const wallMs = performance.now() - startMs
  await client.drain()

  const stage = async (step: (calls: Calls) => void): Promise<number> => {
    step(callsFrom(0, warmup))
    return (await cpuNs(() => step(callsFrom(0, events)))) / events
  }
  const made = await stage(makeAll)
  const encoded = await stage((calls) => encodeAll(calls, options))
  const encodedGenerally = await stage((calls) => encodeAll(calls, options, null))
  const collected = await stage((calls) => collectAll(calls, options))
  const frame = encodeAll(callsFrom(0, frameEvents), options)
  const socket = await socketTimes(options, frame)
  const stages = { whole: whole / events, made, encoded, encodedGenerally, collected }
  return { published: warmup + events, wallMs, cpuNs: { ...stages, ...socket } }
}

async function cpuNs(step: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage()
  await step()
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1000
}

/** Events by their numbers, in calls; made as they are asked for. */
function callMaker(options: RunOptions) {
  const eventOf = eventMaker(options)
  const { callEvents } = options
  return function* callsFrom(first: number, count: number): Calls {
    for (let n = first; n < first + count; n += callEvents) {
      const end = Math.min(n + callEvents, first + count)
      const events = []
      for (let i = n; i < end; i++) events.push(eventOf(i))
      yield events
    }
  }
}

/** As a program would: waits for room, and at the end for the outcome of everything. */
async function publishAll(
  client: MillraceClient,
  calls: Calls,
  { hasReceipts }: RunOptions,
): Promise<void> {
  let published = 0
  let accepted = 0
  let askAt = 0
  for (const events of calls) {
    if (published >= askAt) {
      await client.ready()
      askAt = published + eventsPerReady
    }
    published += events.length
    if (!hasReceipts) client.send(impressions, events)
    else {
      void client.publish(impressions, events).then((receipt) => {
        accepted += receipt.accepted
      })
    }
  }
  await client.flush()
  if (hasReceipts && accepted !== published) {
    throw new Error(`${accepted} of ${published} events were accepted`)
  }
}

async function socketTimes({ url, events, frameEvents }: RunOptions, frame: Uint8Array) {
  const times = Math.ceil(events / frameEvents)
  const timesOf = async (way: Way): Promise<number> => {
    const sender = await openSender(url, way, frame)
    await sender.send(Math.ceil(times / 3))
    const ns = await cpuNs(() => sender.send(times))
    sender.close()
    return ns / (times * frameEvents)
  }
  const written = await timesOf('written')
  const framed = await timesOf('framed')
  return { written, framed, masked: await timesOf('masked') }
}

process.once('message', (options) => {
  void run(options as RunOptions).then((result) => {
    process.send!(result)
    process.disconnect()
  })
})
