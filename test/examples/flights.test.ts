/**
 * The demo at a small size: with a daemon of its own, on the first flights of the real file.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { computeFeatures } from '../../examples/flights/expected.ts'
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
