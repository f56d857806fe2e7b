/**
 * Long lists: as many values as the functions take, out of order, often the same, often at once.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { listFunctions } from '../../src/model/aggregate-function.ts'
import type { Field, Value } from '../../src/model/types.ts'
import { naive } from '../helpers/naive.ts'
import { Tiles, type TileEvent } from '../helpers/tiles.ts'

const kinds: Readonly<Record<string, (n: number) => Value>> = {
  Int64: (n) => (n % 2 === 0 ? BigInt(n) : BigInt(n) << 55n),
  Float64: (n) => n / 4,
  String: (n) => `value ${n}`,
}

/** Events of a tile: of some values and some times, more or less of each. */
function eventsOf(valueOf: (n: number) => Value): fc.Arbitrary<TileEvent[]> {
  return fc
    .tuple(fc.constantFrom(1, 5, 50, 200), fc.constantFrom(1, 20, 1000), fc.boolean())
    .chain(([values, times, isInOrder]) => {
      const event = fc.record({
        value: fc.nat(values).map(valueOf),
        offsetNs: fc.nat(times),
      })
      const events = fc.array(event, { maxLength: 250, size: 'max' })
      return isInOrder
        ? events.map((list) => list.toSorted((a, b) => a.offsetNs - b.offsetNs))
        : events
    })
}

function inOrder(...tiles: readonly (readonly TileEvent[])[]): readonly Value[] {
  return tiles.flatMap((events) =>
    events.toSorted((a, b) => a.offsetNs - b.offsetNs).map(({ value }) => value),
  )
}

for (const name of listFunctions) {
  for (const [kind, valueOf] of Object.entries(kinds)) {
    test(`${name} of many ${kind} is what its definition says`, () => {
      const field: Field = { name: 'x', type: { kind: kind as 'Int64', nullable: false } }
      const events = eventsOf(valueOf)
      const n = fc.constantFrom(1, 7, 40, 1000)
      const property = fc.property(n, events, events, (n, early, late) => {
        const fn = { name, n }
        const tiles = new Tiles({ fn, field, tiles: 2 })
        tiles.update(1, early)
        const middle = late.length >> 1
        tiles.update(2, late.slice(0, middle))
        const loaded = tiles.stored()
        for (const both of [tiles, loaded]) {
          both.update(2, late.slice(middle))
          assert.deepEqual(both.value(1, 2), naive(fn, inOrder(early, late), field))
          assert.deepEqual(both.value(2), naive(fn, inOrder(late), field))
          both.drop()
          assert.equal(both.pool.bytes, 0)
        }
      })
      fc.assert(property, { seed: 42, numRuns: 40 })
    })
  }
}

test('what a list costs is what its values cost', () => {
  const field: Field = { name: 'x', type: { kind: 'String', nullable: false } }
  const bytesOf = (name: (typeof listFunctions)[number], ...values: readonly string[]): number => {
    const tiles = new Tiles({ fn: { name, n: 3 }, field, tiles: 1 })
    values.forEach((value, i) => tiles.update(1, [{ value, offsetNs: i }]))
    return tiles.pool.bytes
  }
  const long = 'x'.repeat(10_000)
  for (const name of listFunctions) {
    assert.ok(bytesOf(name, long, 'b', 'c') > 10_000)
    assert.ok(bytesOf(name, 'a', 'b', 'c') < 400)
    // Gone with the value that has left the list.
    const isFirst = name.startsWith('first')
    assert.equal(bytesOf(name, long, 'b', 'c', 'd') > 10_000, isFirst)
    assert.equal(bytesOf(name, 'b', 'c', 'd', long) > 10_000, !isFirst)
  }
})
