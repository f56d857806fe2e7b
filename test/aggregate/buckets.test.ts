import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bucketMiddle, bucketOf } from '../../src/aggregate/partials/buckets.ts'
import { unitsOf } from '../helpers/naive.ts'

const double = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -5000, max: 5000 }).map((n) => n * 2 ** -1074 + 0),
  fc.integer({ min: -1074, max: 1023 }).map((exponent) => 2 ** exponent),
  fc.constantFrom(0, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** -1022, 2 ** -1022 - 2 ** -1074),
)
const bits = fc.integer({ min: 4, max: 8 })
const seeded = { seed: 42, numRuns: 3000 }

const absolute = (value: bigint): bigint => (value < 0n ? -value : value)

test('the middle of a bucket is near to everything in it, relative to its size', () => {
  const property = fc.property(double, bits, (value, width) => {
    const middle = bucketMiddle(bucketOf(value, width), width)
    const error = absolute(unitsOf(middle) - unitsOf(value))
    assert.ok(error << BigInt(width + 1) <= absolute(unitsOf(value)), `${value} → ${middle}`)
  })
  fc.assert(property, seeded)
})

test('buckets ascend with the doubles, and the middle of one lies in it', () => {
  const property = fc.property(double, double, bits, (a, b, width) => {
    const order = Math.sign(bucketOf(a, width) - bucketOf(b, width))
    assert.ok(order === 0 || order === Math.sign(a - b))
    assert.equal(bucketOf(-a, width) + bucketOf(a, width), 0)
    const bucket = bucketOf(a, width)
    assert.equal(bucketOf(bucketMiddle(bucket, width), width), bucket)
  })
  fc.assert(property, seeded)
})

test('a power of two has so many buckets, whatever its size', () => {
  for (const start of [2 ** -1070, 2 ** -1030, 2 ** -1022, 1, 2 ** 1022]) {
    const last = start * (2 - 2 ** -40)
    // The smallest doubles have fewer digits than there are buckets.
    const count = bucketOf(last, 6) - bucketOf(start, 6) + 1
    assert.equal(count, start < 2 ** -1068 ? 64 + 1 : 64)
  }
})
