import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyDraw } from '../../src/load/keys.ts'

/** How often each key comes among the first events. */
function counted(options: { keys: number; zipf: number; seed: number }, events: number): number[] {
  const drawn = new Uint32Array(events)
  createKeyDraw(options).drawInto(drawn, 0)
  const counts = new Array<number>(options.keys).fill(0)
  for (const key of drawn) counts[key]! += 1
  return counts
}

test('uniform keys are all drawn, about equally often', () => {
  const counts = counted({ keys: 10, zipf: 0, seed: 1 }, 10_000)
  assert.ok(
    counts.every((count) => count > 900 && count < 1100),
    String(counts),
  )
})

test('more keys than are drawn beforehand are met as often as chance has it', () => {
  const keys = 1_000_000
  const counts = counted({ keys, zipf: 0, seed: 1 }, keys)
  const met = counts.filter((count) => count > 0).length
  // Of n keys, n draws meet 1 − 1/e.
  assert.ok(Math.abs(met / keys - (1 - 1 / Math.E)) < 0.002, String(met))
})

for (const zipf of [0.5, 1, 1.1, 2]) {
  test(`by Zipf's law with exponent ${zipf}, keys come as often as it says`, () => {
    const keys = 50
    const events = 200_000
    const counts = counted({ keys, zipf, seed: 2 }, events)
    const weights = counts.map((_, key) => (key + 1) ** -zipf)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    for (const [key, weight] of weights.entries()) {
      const expected = (weight / total) * events
      // Five standard deviations.
      const bound = 5 * Math.sqrt(expected)
      assert.ok(Math.abs(counts[key]! - expected) < bound, `${key}: ${counts[key]} ${expected}`)
    }
  })
}

test('an event has the key that it is drawn with, wherever it is asked for', () => {
  for (const zipf of [0, 1.1]) {
    const draw = createKeyDraw({ keys: 1000, zipf, seed: 7 })
    for (const first of [0, 1_000_000, 2 ** 33]) {
      const drawn = new Uint32Array(50)
      draw.drawInto(drawn, first)
      assert.deepEqual(
        [...drawn],
        Array.from(drawn, (_, i) => draw.at(first + i)),
      )
    }
  }
})

test('one key is always the same', () => {
  for (const zipf of [0, 1.1]) assert.deepEqual(counted({ keys: 1, zipf, seed: 1 }, 100), [100])
})
