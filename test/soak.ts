/**
 * The property tests with new seeds, round after round, until time is up or a value differs.
 *
 *     npm run test:soak -- [--minutes 20] [--seed N] [--only NAME]
 *
 * Every round runs every property once with one seed, which is printed when it fails: `--seed` with
 * `--only` runs that round again. Ends with 1 after a failure.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/base/clock.ts'
import { approximateRun } from './helpers/approximate-run.ts'
import { httpRun } from './helpers/http-run.ts'
import { idRun } from './helpers/id-run.ts'
import { sqlRun } from './helpers/sql-run.ts'
import { foldedRun, permutationRun, storyRun } from './helpers/story-run.ts'

interface Property {
  /** Runs one round; returns the number of its cases. */
  readonly run: (seed: number) => Promise<number>
  readonly cases: string
}

const properties: Readonly<Record<string, Property>> = {
  stories: {
    cases: 'stories equal the naive oracle',
    run: async (seed) => {
      await storyRun({ runs: 400, seed })
      return 400
    },
  },
  'folded-tiles': {
    cases: 'stories of folded tiles equal the naive oracle',
    run: async (seed) => {
      await foldedRun({ runs: 300, seed })
      return 300
    },
  },
  permutations: {
    cases: 'permutations give the same values',
    run: async (seed) => {
      await permutationRun({ runs: 100, seed })
      return 100
    },
  },
  'event-ids': {
    cases: 'stories have the duplicates of a naive filter',
    run: async (seed) => {
      await idRun({ runs: 100, seed })
      return 100
    },
  },
  http: {
    cases: 'definitions have the same values over HTTP, over WebSockets and in the oracle',
    // Thirteen views in each.
    run: async (seed) => {
      await httpRun({ runs: 2, seed })
      return 26
    },
  },
  sql: {
    cases: 'stories are the same in SQL',
    run: async (seed) => (await sqlRun({ runs: 6, seed }))?.stories ?? 0,
  },
  approximate: {
    cases: 'approximate values are within their errors of those of SQL',
    run: async (seed) => (await approximateRun(seed))?.values ?? 0,
  },
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string' },
    only: { type: 'string' },
  },
})

const chosen = Object.entries(properties).filter(
  ([name]) => values.only === undefined || name === values.only,
)

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function soak(minutes: number): Promise<boolean> {
  const untilMs = systemClock.monotonicMs() + minutes * 60_000
  const counts = new Map<string, number>()
  let rounds = 0
  do {
    const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
    for (const [name, { run }] of chosen) {
      try {
        counts.set(name, (counts.get(name) ?? 0) + (await run(seed)))
      } catch (thrown) {
        say(`different: ${name}, seed ${seed}`)
        say(thrown instanceof Error ? thrown.message : String(thrown))
        say(`once more: npm run test:soak -- --only ${name} --seed ${seed}`)
        return false
      }
    }
    rounds += 1
  } while (values.seed === undefined && systemClock.monotonicMs() < untilMs)
  for (const [name, { cases }] of chosen) say(`${counts.get(name)} ${cases}`)
  say(`no difference in ${rounds} rounds`)
  return true
}

if (chosen.length === 0) {
  say(`--only is one of ${Object.keys(properties).join(', ')}`)
  process.exitCode = 2
} else if (!(await soak(Number(values.minutes)))) process.exitCode = 1
