import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  bitLength,
  exactSum,
  roundedRatio,
  timesPowerOf2,
  unitsOf,
} from '../../src/aggregate/partials/exact.ts'
import { nearest, unitsOf as naiveUnits } from '../helpers/naive.ts'

const seeded = { seed: 42, numRuns: 1000 }
const double = fc.double({ noNaN: true, noDefaultInfinity: true })

test('a power of two is exact, over the whole range of doubles', () => {
  const bits = new DataView(new ArrayBuffer(8))
  for (let exponent = -1074; exponent < 1024; exponent++) {
    const fraction = exponent < -1022 ? 1n << BigInt(exponent + 1074) : 0n
    bits.setBigUint64(0, (BigInt(Math.max(exponent + 1023, 0)) << 52n) | fraction)
    assert.equal(timesPowerOf2(1, exponent), bits.getFloat64(0))
  }
  assert.equal(timesPowerOf2(2 ** -1074, 2097), 2 ** 1023)
  assert.equal(timesPowerOf2(2 ** 1023, -2097), 2 ** -1074)
  assert.equal(timesPowerOf2(1, 5000), Infinity)
})

test('sums of doubles are exact', () => {
  const property = fc.property(fc.array(double), fc.bigInt(), (values, units) => {
    const expected = values.reduce((sum, value) => sum + naiveUnits(value), 0n)
    assert.equal(unitsOf(exactSum(values), -1074), expected)
    const rest = exactSum(values, { units, exponent: -2148 })
    assert.equal(unitsOf(rest, -2148), (expected << 1074n) + units)
  })
  fc.assert(property, seeded)
})

test('a ratio is rounded to the nearest double, of two to the even one', () => {
  const numerator = fc.oneof(
    fc.bigInt({ min: -(1n << 70n), max: 1n << 70n }),
    // Between two doubles, and a little beside.
    fc
      .tuple(fc.bigInt({ min: 1n << 52n, max: 1n << 53n }), fc.constantFrom(-1n, 0n, 1n))
      .map(([n, more]) => ((2n * n + 1n) << 60n) + more),
  )
  const denominator = fc.oneof(
    fc.constantFrom(1n, 2n, 3n, 1n << 60n),
    fc.bigInt({ min: 1n, max: 1n << 80n }),
  )
  const exponent = fc.oneof(
    fc.integer({ min: -2300, max: 1100 }),
    fc.integer({ min: -1150, max: -1050 }),
  )
  const property = fc.property(numerator, denominator, exponent, (over, under, power) => {
    const expected = over === 0n ? 0 : nearest(over, under, power)
    assert.equal(roundedRatio(over, under, power), expected)
  })
  fc.assert(property, seeded)
})

test('a number has as many bits as it takes', () => {
  const property = fc.property(fc.bigInt({ min: 1n, max: 1n << 200n }), (number) => {
    assert.equal(bitLength(number), number.toString(2).length)
  })
  fc.assert(property, seeded)
})
