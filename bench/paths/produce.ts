/**
 * `produce`: how many events a second one core of a program can publish, and where its time goes.
 *
 * The program is a process of its own that makes objects and hands them to the client; the other
 * end is a bare `ws` server, another process, which acknowledges and does nothing else. What it has
 * received is compared with what was published; a run in which an event differs has no result.
 */
import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decode } from '@msgpack/msgpack'
import { checksum, defineBench, type Measurement, type Settings, type Values } from '../harness.ts'
import { eventMaker, type EventOptions } from './produce-events.ts'
import type { RunOptions, RunResult } from './produce-run.ts'
import type { SinkMessage, SinkReport } from './produce-sink.ts'

const options = {
  call: { standard: 1000, smoke: 100, description: 'Events in a call' },
  receipts: { standard: 1, description: '1: each call has a receipt; 0: none has' },
  frame: { standard: 1000, smoke: 100, description: 'Events in a frame, at most' },
  keys: { standard: 100_000, smoke: 1000, description: 'Different entity keys' },
  'native-mask': { standard: 1, description: '1: ws masks in native code, 0: in JavaScript' },
  events: {
    standard: 2_000_000,
    smoke: 12_000,
    description: 'Published in the measured time; a third as many go before',
  },
} as const

type ProduceFigures = ReturnType<typeof figuresOf>

export const produce = defineBench({
  name: 'produce',
  question: 'How many events a second can one core publish, and where does its time go?',
  options,
  headline: 'eventsPerCoreSecond',
  columns: {
    call: ({ callEvents }: ProduceFigures) => String(callEvents),
    receipts: ({ hasReceipts }) => (hasReceipts === 1 ? 'yes' : 'no'),
    frame: ({ frameEvents }) => String(frameEvents),
    'mask in': ({ hasNativeMask }) => (hasNativeMask === 1 ? 'native' : 'JS'),
    'events/s of a core': ({ eventsPerCoreSecond }) => grouped(eventsPerCoreSecond),
    'min – max': ({ min, max }) => `${grouped(min)} – ${grouped(max)}`,
    'by the clock': ({ eventsPerSecond }) => grouped(eventsPerSecond),
    'ns, all': ({ cpuNsPerEvent }) => cpuNsPerEvent.all.toFixed(0),
    make: ({ cpuNsPerEvent }) => cpuNsPerEvent.make.toFixed(0),
    encode: ({ cpuNsPerEvent }) => cpuNsPerEvent.encode.toFixed(0),
    collect: ({ cpuNsPerEvent }) => cpuNsPerEvent.collect.toFixed(0),
    send: ({ cpuNsPerEvent }) => cpuNsPerEvent.send.toFixed(0),
    'general encode': ({ cpuNsPerEvent }) => cpuNsPerEvent.generalEncode.toFixed(0),
    socket: ({ socketNsPerEvent }) => socketNsPerEvent.write.toFixed(1),
    framing: ({ socketNsPerEvent }) => socketNsPerEvent.frame.toFixed(1),
    masking: ({ socketNsPerEvent }) => socketNsPerEvent.mask.toFixed(1),
  },
  rows: [
    {},
    { 'native-mask': 0 },
    { call: 100 },
    { call: 100, frame: 100 },
    { call: 1, receipts: 0 },
    { call: 1, receipts: 0, frame: 100 },
    { call: 1 },
  ],
  measure,
})

async function measure(
  values: Values<typeof options>,
  { seed, profileDir }: Settings,
): Promise<Measurement<ProduceFigures>> {
  const { keys, frame: frameEvents, events } = values
  const sink = start('produce-sink', [])
  try {
    const { port } = await heard<{ readonly port: number }>(sink)
    const profiling = profileDir === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
    const producer = start('produce-run', profiling, values['native-mask'] === 1)
    const run: RunOptions = {
      url: `ws://127.0.0.1:${port}`,
      seed,
      keys,
      frameEvents,
      events,
      callEvents: values.call,
      hasReceipts: values.receipts === 1,
    }
    producer.send(run)
    const result = await heard<RunResult>(producer)
    sink.send('report')
    const { report } = await heard<{ readonly report: SinkReport }>(sink)
    const lines = checkEvents(report, result.published, { seed, keys })
    return { figures: figuresOf(values, result), checksum: checksum(lines) }
  } finally {
    sink.disconnect()
  }
}

/** Starts a process of the bench; it ends when it is disconnected. */
function start(name: string, flags: readonly string[], hasNativeMask = true): ChildProcess {
  const file = fileURLToPath(new URL(`${name}${extname(import.meta.url)}`, import.meta.url))
  const env = hasNativeMask ? {} : { WS_NO_BUFFER_UTIL: '1' }
  return fork(file, { execArgv: [...process.execArgv, ...flags], env })
}

/** The next message of a process, which must not end before. */
async function heard<T extends SinkMessage | RunResult>(child: ChildProcess): Promise<T> {
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`a process of the bench has ended with code ${String(code)}`)
    }),
  ])) as [T]
  return message
}

/**
 * Compares what the sink has kept with what was published.
 *
 * @returns a line for each event that was compared.
 */
function checkEvents(report: SinkReport, published: number, options: EventOptions): string[] {
  assert.equal(report.events, published, 'events that the sink has received')
  const eventOf = eventMaker(options)
  return report.kept.map(([sequence, base64]) => {
    const event = decode(Buffer.from(base64, 'base64'))
    assert.deepEqual(event, eventOf(sequence), `event ${sequence}`)
    return `${sequence} ${base64}`
  })
}

function figuresOf(values: Values<typeof options>, { wallMs, cpuNs }: RunResult) {
  const { whole, made, encoded, encodedGenerally, collected, written, framed, masked } = cpuNs
  return {
    eventsPerCoreSecond: Math.round(1e9 / whole),
    eventsPerSecond: Math.round((values.events / wallMs) * 1000),
    /** The parts of `all`; `generalEncode` is what `encode` would be without the schema. */
    cpuNsPerEvent: {
      all: whole,
      make: made,
      encode: encoded - made,
      collect: collected - encoded,
      send: whole - collected,
      generalEncode: encodedGenerally - made,
    },
    /** Of frames that stand ready: to the socket, and what `ws` adds to it. */
    socketNsPerEvent: { write: written, frame: framed - written, mask: masked - framed },
    callEvents: values.call,
    hasReceipts: values.receipts,
    frameEvents: values.frame,
    keys: values.keys,
    hasNativeMask: values['native-mask'],
    events: values.events,
  }
}

function grouped(number: number): string {
  return String(Math.round(number)).replaceAll(/(?<=\d)(?=(\d{3})+$)/g, ' ')
}
