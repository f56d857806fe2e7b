/**
 * `budget`: what the stages of an event cost one by one, and how much of the whole they explain.
 *
 * The stages run one after the other in the process of the bench; the whole is the CPU time of
 * the daemon's threads in an ingest run of the same size. What is left of the main thread is
 * sockets, WebSocket framing, acknowledgements and the event loop; of the shard thread, messages,
 * checkpoints that wait, and caches that are colder when two threads use them.
 */
import { systemClock } from '../../src/base/clock.ts'
import { shardOf } from '../../src/model/partition.ts'
import { createMessage, maskByte } from '../../src/load/message.ts'
import type { Workload } from '../../src/load/workload.ts'
import { checksum, defineBench, type Measurement, type Settings, type Values } from '../harness.ts'
import { sentTo } from '../sent.ts'
import { placeOf, readKey } from '../shard.ts'
import { noTimes, Stages, type StageTimes } from '../stages.ts'
import { createImpressions, userId } from '../workload.ts'
import { grouped, ingestOptions, runIngest } from './ingest.ts'

const options = {
  keys: ingestOptions.keys,
  frame: ingestOptions.frame,
  events: { standard: 4_000_000, smoke: 40_000, description: 'Events through the stages' },
  seconds: { standard: 5, smoke: 1, description: 'Seconds of the whole that are measured' },
} as const

/** Time between two checkpoints of a shard at most, s; each stores every key that has changed. */
const checkpointSeconds = 10

/** Events that are handed on together. */
const turnEvents = 4000

type BudgetFigures = ReturnType<typeof figuresOf>

export const budget = defineBench({
  name: 'budget',
  question: 'What does each stage of an event cost, and how much of the whole is that?',
  options,
  headline: 'stagesNs',
  columns: {
    frame: ({ frameEvents }: BudgetFigures) => grouped(frameEvents),
    keys: ({ keys }) => grouped(keys),
    wire: ({ stageNs }) => grouped(stageNs.wire),
    journal: ({ stageNs }) => grouped(stageNs.journal),
    route: ({ stageNs }) => grouped(stageNs.route),
    'main, all': ({ wholeNs }) => grouped(wholeNs.main),
    apply: ({ stageNs }) => grouped(stageNs.apply),
    'of it validate': ({ stageNs }) => grouped(stageNs.validate),
    checkpoint: ({ stageNs }) => grouped(stageNs.checkpoint),
    'shard, all': ({ wholeNs }) => grouped(wholeNs.shard),
    'other threads': ({ wholeNs }) => grouped(wholeNs.rest),
    generator: ({ wholeNs }) => grouped(wholeNs.generator),
    'stages of the daemon, %': ({ stagesShare }) => (100 * stagesShare).toFixed(0),
  },
  rows: [1, 100, 1000].flatMap((frame) => [1000, 100_000].map((keys) => ({ frame, keys }))),
  measure,
})

async function measure(
  values: Values<typeof options>,
  settings: Settings,
): Promise<Measurement<BudgetFigures>> {
  const { times, lines } = await measureStages(values, settings)
  const { keys, frame, seconds } = values
  const isSmall = frame === 1
  const whole = await runIngest(
    {
      keys,
      frame,
      connections: isSmall ? 50 : 4,
      'in-flight': isSmall ? 2000 : ingestOptions['in-flight'].standard,
      zipf: 0,
      warmup: seconds / 2,
      seconds,
      events: 0,
      peers: 0,
    },
    settings,
  )
  return { figures: figuresOf(values, times, whole), checksum: checksum(lines) }
}

async function measureStages(
  { keys, frame: frameEvents, events }: Values<typeof options>,
  { seed }: Settings,
): Promise<{ times: StageTimes; lines: string[] }> {
  const startMs = systemClock.nowMs() - 60_000
  const workload = createImpressions({ keys, zipf: 0, frameEvents, seed })
  const stages = await Stages.open()
  try {
    const perTurn = Math.max(1, Math.round(turnEvents / frameEvents))
    const frames = Math.ceil(events / frameEvents)
    let warm = noTimes()
    for (let frame = 0; frame < frames; frame += perTurn) {
      const length = Math.min(perTurn, frames - frame)
      const turn = Array.from({ length }, (_, n) => frameOf(workload, frame + n, startMs))
      await stages.turn(turn)
      // The first quarter compiles the code and brings in the keys.
      if (frame < frames / 4) warm = { ...stages.times }
    }
    await stages.checkpoint(systemClock.nowMs())
    const measured = frames * frameEvents * 0.75
    const lines = check(stages, keys, workload, frames, startMs)
    return { times: perEvent(stages.times, warm, measured), lines }
  } finally {
    await stages.close()
  }
}

/** A frame as the daemon gets it from its WebSocket. */
function frameOf(workload: Workload, n: number, startMs: number): Uint8Array {
  const message = createMessage(workload.messageBytesMax)
  const length = workload.write(message, n, n * workload.frameEvents, startMs)
  const form = message.bytes[1]! & 0x7f
  const head = 2 + (form === 126 ? 2 : form === 127 ? 8 : 0) + 4
  return message.bytes.subarray(head, length).map((byte) => byte ^ maskByte)
}

/** The checkpoint apart, which is made once. */
function perEvent(times: StageTimes, before: StageTimes, events: number): StageTimes {
  const names = Object.keys(times) as (keyof StageTimes)[]
  const each = names.map((name) => [name, (times[name] - before[name]) / events])
  const { checkpoint } = times
  return { ...(Object.fromEntries(each) as StageTimes), checkpoint }
}

/** Compares counts and sums; a line for each key. */
function check(
  { shards }: Stages,
  keys: number,
  workload: Workload,
  frames: number,
  startMs: number,
): string[] {
  const frameTimesMs = Array.from({ length: frames }, () => startMs)
  return sentTo(keys, workload, frameTimesMs).map(({ key, count, sum }) => {
    const { keyHash } = placeOf(userId(key))
    const shard = shards[shardOf(keyHash, shards.length)]!
    const { values } = readKey(shard, key, [0, 1], systemClock.nowMs())
    const isRight = (values[0] ?? 0n) === BigInt(count) && (values[1] ?? 0) === sum
    if (!isRight) throw new Error(`${userId(key)} has other features than was sent`)
    return `${key} ${count} ${sum}`
  })
}

function figuresOf(
  { keys, frame }: Values<typeof options>,
  times: StageTimes,
  { load, cpu }: Awaited<ReturnType<typeof runIngest>>,
) {
  const wholeNs = {
    main: cpu.main / load.events,
    shard: cpu.shard / load.events,
    rest: cpu.rest / load.events,
    generator: cpu.generator / load.events,
  }
  const { wire, journal, route, apply } = times
  const between = checkpointSeconds * (load.events / load.measuredMs) * 1000
  const checkpoint = times.checkpoint / between
  const stagesNs = wire + journal + route + apply + checkpoint
  const stagesShare = stagesNs / (wholeNs.main + wholeNs.shard + wholeNs.rest)
  return {
    frameEvents: frame,
    keys,
    stagesNs,
    stagesShare,
    stageNs: { ...times, checkpoint },
    wholeNs,
  }
}
