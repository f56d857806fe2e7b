/**
 * The demo at a small size: with a daemon of its own, on the first flights of the real file.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCheck, type CheckOptions } from '../../examples/flights/check.ts'
import { computeFeatures } from '../../examples/flights/expected.ts'
import { computePoints } from '../../examples/flights/points.ts'
import { runDemo, type DemoOptions } from '../../examples/flights/run.ts'
import { root } from '../helpers/repository.ts'

const features = join(root, 'examples/flights/features.ts')

/** Runs the demo. @returns its exit code and what it printed. */
async function demo(columns: number | null, options: Partial<DemoOptions>) {
  const printed: string[] = []
  const output = { write: (text: string) => void printed.push(text), columns }
  const exitCode = await runDemo({ features, output, ...options })
  return { exitCode, text: printed.join('') }
}

test('the demo counts every flight, and its features equal what DuckDB says', async () => {
  const { exitCode, text } = await demo(null, { events: 20_000 })
  assert.equal(exitCode, 0, text)
  assert.match(text, /counted +20,000,/)
  assert.match(text, /^ +20,000 events .* left$/m)
  assert.match(text, /All [\d,]+ values equal DuckDB's/)
})

test('one wrong value fails the demo and is named; progress keeps to one line', async () => {
  const { exitCode, text } = await demo(80, {
    events: 5000,
    expect: async (file) => {
      const [busiest, ...others] = await computeFeatures(file)
      const values = { ...busiest!.values, mean_delay_1d: busiest!.values.mean_delay_1d! + 1e-12 }
      return [{ ...busiest!, values }, ...others]
    },
  })
  assert.equal(exitCode, 1)
  assert.match(text, /≠ \w{3} mean_delay_1d: Millrace \S+, DuckDB \S+\n/)
  assert.match(text, /1 of [\d,]+ values differ/)
  const drawn = text.split('\r  ').map((line) => line.split('\u001B[K')[0]!)
  assert.ok(drawn.length > 1, 'nothing was drawn')
  for (const line of drawn.slice(1)) assert.ok(line.length < 78, line)
})

/** Reads every function at a few points. @returns the exit code and what was printed. */
async function check(options: Partial<CheckOptions>) {
  const printed: string[] = []
  const output = { write: (text: string) => void printed.push(text), columns: null }
  const small = { events: 12_000, moments: 5, airports: 12 }
  const everyFunction = join(root, 'examples/flights/every-function.ts')
  const exitCode = await runCheck({ features: everyFunction, output, ...small, ...options })
  return { exitCode, text: printed.join('') }
}

test('every function is what DuckDB says, at any moment of the stream', async () => {
  const { exitCode, text } = await check({ seed: 42 })
  assert.equal(exitCode, 0, text)
  assert.match(text, /points +60: airports at 5 moments/)
  assert.match(text, /compared +15,120 values/)
  assert.match(text, /No value is other than it must be/)
})

test('a value that DuckDB does not say fails the check and is named', async () => {
  const { exitCode, text } = await check({
    events: 2000,
    moments: 1,
    expect: async (file) => {
      const right = await computePoints(file)
      return {
        ...right,
        valuesIn: (place) => {
          const row = right.valuesIn(place)
          const isWrong = row !== null && place.mode === 'continuous' && place.window === '1d'
          return isWrong ? { ...row, delay_last_3: [0n] } : row
        },
      }
    },
  })
  assert.equal(exitCode, 1)
  assert.match(
    text,
    /≠ \w{3} after [\d,]+ flights, delay_last_3_1d_continuous: Millrace .+ DuckDB 0\n/,
  )
  assert.match(text, /Not as it must be: \d+ values differ/)
})
