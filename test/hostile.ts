/**
 * Mutation fuzzing: frames, HTTP bodies and requests, journals and stores that are almost right.
 *
 *     npm run test:hostile -- [--frames 1000000] [--seed N] [--minutes 15]
 *
 * Most frames go to sessions within the process; some, over sockets, to a daemon with a client
 * beside it. Says what was sent and how the client fared. Ends with 1 when something broke; the
 * input is then kept in `test/hostile/corpus`, where every later run tries it first.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/base/clock.ts'
import { randomNumbers } from './helpers/random.ts'
import { keep } from './hostile/corpus.ts'
import { Finding, type Meter } from './hostile/finding.ts'
import { fuzzBodies } from './hostile/fuzz-bodies.ts'
import { fuzzFrames } from './hostile/fuzz-frames.ts'
import { fuzzJournals } from './hostile/fuzz-journal.ts'
import { fuzzSockets, type Siege, type Times } from './hostile/fuzz-sockets.ts'
import { fuzzStores } from './hostile/fuzz-store.ts'

/**
 * How long an acknowledgement may take beside an attack, ms, at the 99th percentile; on a machine
 * that is slow without one, four times as long as without.
 */
const p99MsMax = 50

/** Memory of this process, which holds nothing of what it has tried, bytes. */
const rssBytesMax = 1024 * 2 ** 20

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
    minutes: { type: 'string', default: '15' },
  },
})

const frames = Number(values.frames)
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
const startMs = systemClock.monotonicMs()
const forMs = Number(values.minutes) * 60_000
const random = randomNumbers(seed)

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/**
 * @param part  Of all that is to be tried.
 * @param until  The part of the time after which it ends.
 */
function extent(part: number, until: number) {
  return {
    count: Math.ceil(frames * part),
    random,
    isOver: () => systemClock.monotonicMs() > startMs + until * forMs,
  }
}

async function measured(what: string, run: () => Promise<Meter>): Promise<number> {
  const beganMs = systemClock.monotonicMs()
  const { count, slowestMs } = await run()
  const tookS = (systemClock.monotonicMs() - beganMs) / 1000
  say(`${count} ${what} in ${tookS.toFixed(1)} s, the slowest ${slowestMs.toFixed(1)} ms`)
  return count
}

const mib = (bytes: number | null) => (bytes === null ? '?' : (bytes / 2 ** 20).toFixed(0))

function saySiege({ attack, published, before, times, rssStart, rssMost }: Siege): void {
  const { frames, events, connections, slowestMs } = attack
  say(`${frames} frames and requests and ${events} events over ${connections} connections,`)
  say(`  the slowest of which ended after ${slowestMs.toFixed(1)} ms`)
  say(`  the daemon took ${mib(rssStart)} MiB before, and ${mib(rssMost)} MiB at most`)
  say(`  beside it ${published} events were acknowledged, and counted once each,`)
  say(`  ${timesText(times)}; before it, ${timesText(before)}`)
}

function timesText({ medianMs, p99Ms, slowestMs }: Times): string {
  const [median, p99, slowest] = [medianMs, p99Ms, slowestMs].map((ms) => ms.toFixed(1))
  return `p50 ${median}, p99 ${p99}, at most ${slowest} ms`
}

async function run(): Promise<boolean> {
  say(`seed ${seed}`)
  let sent = 0
  sent += await measured('frames to sessions', () => fuzzFrames(extent(0.985, 0.6)))
  sent += await measured('bodies to routes', () => fuzzBodies(extent(0.01, 0.7)))
  await measured('journals', () => fuzzJournals(extent(0.002, 0.75)))
  const stores = await fuzzStores(extent(0.000_003, 0.85))
  say(`${stores.count} data directories; LMDB has ended ${stores.ended} daemons, as inspect tells`)
  const siege = await fuzzSockets({ ...extent(0.005, 1), seed })
  saySiege(siege)
  const rss = process.memoryUsage.rss()
  say(`${sent + siege.attack.frames} in all; this process has ${mib(rss)} MiB`)
  const isSoon = siege.times.p99Ms < Math.max(p99MsMax, 4 * siege.before.p99Ms)
  if (!isSoon) say('the client waited too long')
  if (rss >= rssBytesMax) say('this process has grown')
  return isSoon && rss < rssBytesMax
}

// Nearly every input ends in an error, and where it was raised costs more than all the rest.
Error.stackTraceLimit = 2

try {
  if (!(await run())) process.exitCode = 1
} catch (thrown) {
  if (!(thrown instanceof Finding)) throw thrown
  say(`broken: ${thrown.message}`)
  say(
    `kept in ${keep(thrown)}; once more: npm run test:hostile -- --frames ${frames} --seed ${seed}`,
  )
  process.exitCode = 1
}
