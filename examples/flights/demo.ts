/**
 * `npm run demo`: three million real flights, from a file through the daemon to equal features.
 *
 *     npm run demo -- --events 100000    the first flights of the file only
 *     npm run demo -- --keep             leaves the daemon's directory
 */
import { parseArgs } from 'node:util'
import { runDemo } from './run.ts'

const { values } = parseArgs({
  options: { events: { type: 'string' }, keep: { type: 'boolean', default: false } },
})
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)))
}

const { stdout } = process
try {
  const events = values.events === undefined ? Infinity : Number(values.events)
  if (events !== Infinity && !(Number.isSafeInteger(events) && events > 0)) {
    throw new RangeError(`--events ${values.events}: not a number of flights`)
  }
  process.exitCode = await runDemo({
    features: 'examples/flights/features.ts',
    events,
    keep: values.keep,
    signal: stop.signal,
    output: {
      write: (text) => void stdout.write(text),
      columns: stdout.isTTY ? stdout.columns : null,
    },
  })
} catch (error) {
  process.exitCode = 1
  console.error(`\n  The demo failed: ${error instanceof Error ? error.message : String(error)}`)
}
