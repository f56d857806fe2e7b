/**
 * `npm run demo`: three million real flights, from a file through the daemon to equal features;
 * then every aggregate function, at random points of the first of them.
 *
 *     npm run demo -- --events 100000    the first flights of the file only
 *     npm run demo -- --keep             leaves the daemon's directory
 *     npm run demo -- --exact            only the second part, for all flights: some minutes
 *     npm run demo -- --seed 2           at other points
 */
import { parseArgs } from 'node:util'
import { runCheck } from './check.ts'
import { runDemo } from './run.ts'

/** Flights of the second part: one costs many times what it costs in the first. */
const checkedFlights = 300_000

const { values } = parseArgs({
  options: {
    events: { type: 'string' },
    keep: { type: 'boolean', default: false },
    exact: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
  },
})
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)))
}

function positive(flag: string, text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new RangeError(`--${flag} ${text}: not a number from 1 on`)
}

const { stdout } = process
try {
  const events = values.events === undefined ? Infinity : positive('events', values.events)
  const seed = positive('seed', values.seed)
  const output = {
    write: (text: string) => void stdout.write(text),
    columns: stdout.isTTY ? stdout.columns : null,
  }
  const { signal } = stop
  const features = (file: string): string => `examples/flights/${file}`
  const { exact, keep } = values
  const failed = exact
    ? 0
    : await runDemo({ features: features('features.ts'), events, keep, signal, output })
  const checked = exact ? events : Math.min(events, checkedFlights)
  const differs = await runCheck({
    features: features('every-function.ts'),
    events: checked,
    seed,
    signal,
    output,
  })
  process.exitCode = failed === 0 && differs === 0 ? 0 : 1
} catch (error) {
  process.exitCode = 1
  console.error(`\n  The demo failed: ${error instanceof Error ? error.message : String(error)}`)
}
