/**
 * The crash systems with new seeds: real processes, and faults at any moment of them.
 *
 *     npm run test:crash -- [--rounds 20] [--seed N] [--only kill|syscall|io|threads|past|power|…]
 *     npm run test:crash -- --faults [--minutes 30] [--seed N] [--only 'broken disk']
 *
 * Prints the seed first; with it, a run draws the same faults again. Ends with 1 when an event was
 * lost, counted twice or out of order, a start was too slow, the negative control found nothing, or
 * a tool is missing that a system needs.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { controlRun, hasControl } from './control.ts'
import { faults } from './fault-kinds.ts'
import { faultsMissing, faultsRun } from './faults.ts'
import { killRun } from './kill.ts'
import { quantile, type Outcome } from './outcome.ts'
import { pastRun } from './past.ts'
import { losses, powerRun } from './power.ts'
import { hasStrace } from './strace.ts'
import { syscallRun } from './syscall.ts'
import { threadsRun } from './threads.ts'

interface System {
  /** The tool that is missing; null when it can be run. */
  readonly missing?: string | null
  readonly run: (rounds: number, seed: number) => Promise<Outcome>
  readonly faults: string
}

/** As many as share what the machine has, and none of them for itself. */
const producers = 8

/** Within which all but one start of a hundred after a kill must listen, ms. */
const startMsMax = 5000

const strace = hasStrace ? null : 'strace'

const systems: Readonly<Record<string, System>> = {
  kill: {
    run: (rounds, seed) =>
      killRun({ rounds, seed, producers, eventsMax: 6000, recoveries: 20, say }),
    faults: 'kills',
  },
  syscall: {
    missing: strace,
    run: (rounds, seed) =>
      syscallRun({ rounds, seed, producers, kind: 'kill', eventsMax: 6000, say }),
    faults: 'kills at a system call',
  },
  io: {
    missing: strace,
    run: (rounds, seed) =>
      syscallRun({ rounds, seed, producers, kind: 'error', eventsMax: 6000, say }),
    faults: 'errors of a system call',
  },
  past: {
    missing: strace,
    run: (rounds, seed) => pastRun({ rounds, seed, faultsMax: 6, say }),
    faults: 'kills at a system call of a backfill or an export',
  },
  threads: {
    run: (rounds, seed) => threadsRun({ rounds, seed, producers, eventsMax: 6000, say }),
    faults: 'deaths of a shard thread',
  },
  power: {
    missing: strace,
    run: (rounds, seed) =>
      powerRun({ seed, producers, events: 10_000, moments: Math.ceil(rounds / 4), losses, say }),
    faults: 'power losses',
  },
  control: {
    missing: strace ?? (hasControl ? null : 'libeatmydata'),
    run: (_, seed) => controlRun({ seed, producers, events: 2000 }),
    faults: 'power losses without flushes',
  },
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string' },
    only: { type: 'string' },
    faults: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '30' },
  },
})

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function run(name: string, { missing, run, faults }: System, rounds: number, seed: number) {
  if (typeof missing === 'string') {
    say(`${name}: ${missing} is not here`)
    return false
  }
  try {
    const outcome = await run(rounds, seed)
    const [p50, p99] = [0.5, 0.99].map((share) => quantile(outcome.startsMs, share))
    say(`${name}: ${outcome.faults} ${faults}, ${outcome.events} events, each counted once`)
    if (outcome.startsMs.length > 0) {
      say(`${name}: starts p50 ${p50!.toFixed(0)} ms, p99 ${p99!.toFixed(0)} ms`)
    }
    for (const note of outcome.notes ?? []) say(`${name}: ${note}`)
    if (name !== 'kill' || p99! <= startMsMax) return true
    say(`${name}: starts take longer than ${startMsMax} ms`)
  } catch (thrown) {
    say(`${name}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`)
  }
  say(`once more: npm run test:crash -- ${flags(name)} --rounds ${rounds} --seed ${seed}`)
  return false
}

function flags(name: string): string {
  const only = values.only === undefined ? '' : ` --only '${values.only}'`
  return values.faults ? `--faults${only} --minutes ${values.minutes}` : `--only ${name}`
}

const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
const soak: System = {
  missing: faultsMissing,
  run: (_, seed) =>
    faultsRun({
      minutes: Number(values.minutes),
      seed,
      producers,
      faultMsMax: 5000,
      ...(values.only !== undefined && { only: values.only }),
      say,
    }),
  faults: 'faults',
}
const known = Object.keys(values.faults ? faults : systems)
const isKnown = values.only === undefined || known.includes(values.only)
const chosen = Object.entries(values.faults ? { faults: soak } : systems).filter(
  ([name]) => isKnown && (values.faults || values.only === undefined || name === values.only),
)
say(`seed ${seed}`)
if (chosen.length === 0) {
  say(`--only is one of ${known.join(', ')}`)
  process.exitCode = 2
}
for (const [name, system] of chosen) {
  if (!(await run(name, system, Number(values.rounds), seed))) process.exitCode = 1
}
