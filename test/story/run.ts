/**
 * Stories of faults with new seeds, until time is up or one ends wrong.
 *
 *     npm run test:model -- [--minutes 5] [--runs 200] [--seed N] [--path P]
 *
 * The shortest story that ends wrong is printed with its seed and path, which play it again. Ends
 * with 1 after a failure.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/base/clock.ts'
import { deliveryRun } from './story-run.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    runs: { type: 'string', default: '200' },
    seed: { type: 'string' },
    path: { type: 'string' },
  },
})

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const { path } = values
const runs = path === undefined ? Number(values.runs) : 1
const untilMs = systemClock.monotonicMs() + Number(values.minutes) * 60_000
let stories = 0
do {
  const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
  say(`seed ${seed}`)
  try {
    await deliveryRun({ runs, seed, ...(path === undefined ? {} : { path }) })
  } catch (thrown) {
    say(thrown instanceof Error ? thrown.message : String(thrown))
    if (thrown instanceof Error && thrown.cause instanceof Error) say(String(thrown.cause.stack))
    say('once more: npm run test:model -- --seed and --path as above')
    process.exitCode = 1
    break
  }
  stories += runs
} while (values.seed === undefined && systemClock.monotonicMs() < untilMs)
if (process.exitCode === undefined) say(`${stories} stories, each event counted once`)
