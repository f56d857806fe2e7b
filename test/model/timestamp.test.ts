import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  formatTimestamp,
  msOf,
  nsOf,
  nsWithinMs,
  parseTimestamp,
} from '../../src/model/timestamp.ts'

const day = 86_400_000_000_000n

// Instants of the years 0 to 9999.
const instant = fc.bigInt({ min: -62_167_219_200n * 10n ** 9n, max: 253_402_300_799n * 10n ** 9n })

test('a timestamp is parsed to the nanosecond', () => {
  const cases: [string, bigint][] = [
    ['1970-01-01T00:00:00Z', 0n],
    ['1970-01-01T00:00', 0n],
    ['1970-01-01T00:00:00', 0n],
    ['1970-01-01T00:00:00.000000001Z', 1n],
    ['1970-01-01T00:00:00.5Z', 500_000_000n],
    ['1970-01-01T00:00:00.123456789', 123_456_789n],
    ['1969-12-31T23:59:59.999999999Z', -1n],
    ['1970-01-01T01:00:00+01:00', 0n],
    ['1970-01-01T00:00:00-00:00', 0n],
    ['1970-01-01t00:00:00z', 0n],
    ['1970-01-01 00:00:00Z', 0n],
    ['1970-01-01 00:00:00.000000001+00:00', 1n],
    ['1970-01-01T00:00-00:30', 1_800_000_000_000n],
    ['1969-12-31T00:00:00-23:59', -day + 86_340_000_000_000n],
    ['1970-01-02T00:00Z', day],
    ['2000-02-29T00:00:00Z', 951_782_400_000_000_000n],
    ['2024-02-29T12:34:56.7Z', 1_709_210_096_700_000_000n],
    ['2001-01-01T05:10:00Z', 978_325_800_000_000_000n],
    ['0001-01-01T00:00:00Z', -719_162n * day],
    ['0000-02-29T00:00:00Z', (-719_162n - 307n) * day],
    ['9999-12-31T23:59:59.999999999Z', 253_402_300_799_999_999_999n],
  ]
  for (const [text, ns] of cases) assert.equal(parseTimestamp(text), ns, text)
})

test('text that is not a time that exists is refused', () => {
  const refused = [
    '',
    '1970-01-01',
    '1970-01-01  00:00:00Z',
    '1970-01-01_00:00:00Z',
    '1970-01-01\t00:00:00Z',
    '1970-01-01\u00a000:00:00Z',
    '1970-01-01 00:00:00 Z',
    '1970-01-0100:00:00Z',
    '1970-1-01T00:00:00Z',
    '70-01-01T00:00:00Z',
    '+001970-01-01T00:00:00Z',
    '1970-01-01T00Z',
    '1970-01-01T00:00:0Z',
    '1970-01-01T00:00:00.Z',
    '1970-01-01T00:00:00,5Z',
    '1970-01-01T00:00:00.1234567890Z',
    '1970-01-01T00:00.5Z',
    '1970-13-01T00:00:00Z',
    '1970-00-01T00:00:00Z',
    '1970-01-00T00:00:00Z',
    '1970-01-32T00:00:00Z',
    '1970-04-31T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '1970-01-01T24:00:00Z',
    '1970-01-01T00:60:00Z',
    '1970-01-01T00:00:60Z',
    '1970-01-01T00:00:00+1:00',
    '1970-01-01T00:00:00+0100',
    '1970-01-01T00:00:00+24:00',
    '1970-01-01T00:00:00+00:60',
    '1970-01-01T00:00:00ZZ',
    '1970-01-01T00:00:00Z\n',
    ' 1970-01-01T00:00:00Z',
    '１970-01-01T00:00:00Z',
    '1'.repeat(100_000),
  ]
  for (const text of refused) assert.equal(parseTimestamp(text), null, text.slice(0, 40))
})

test('a time is written with as many digits of fraction as it needs', () => {
  assert.equal(formatTimestamp(0n), '1970-01-01T00:00:00Z')
  assert.equal(formatTimestamp(1n), '1970-01-01T00:00:00.000000001Z')
  assert.equal(formatTimestamp(-1n), '1969-12-31T23:59:59.999999999Z')
  assert.equal(formatTimestamp(500_000_000n), '1970-01-01T00:00:00.5Z')
  assert.equal(formatTimestamp(1_709_210_096_120_000_000n), '2024-02-29T12:34:56.12Z')
})

test('what is written is parsed back, whatever the instant', () => {
  fc.assert(
    fc.property(instant, (ns) => {
      assert.equal(parseTimestamp(formatTimestamp(ns)), ns)
    }),
    { seed: 42, numRuns: 500 },
  )
})

test('whole milliseconds agree with the calendar of the platform', () => {
  fc.assert(
    fc.property(instant, (ns) => {
      const text = new Date(msOf(ns)).toISOString()
      assert.equal(parseTimestamp(text), BigInt(msOf(ns)) * 1_000_000n)
    }),
    { seed: 42, numRuns: 500 },
  )
})

test('milliseconds are rounded down before the epoch, too', () => {
  assert.deepEqual([msOf(-1n), nsWithinMs(-1n)], [-1, 999_999])
  assert.deepEqual([msOf(-1_000_000n), nsWithinMs(-1_000_000n)], [-1, 0])
  assert.deepEqual([msOf(-1_000_001n), nsWithinMs(-1_000_001n)], [-2, 999_999])
  assert.deepEqual([msOf(1_999_999n), nsWithinMs(1_999_999n)], [1, 999_999])
  fc.assert(
    fc.property(instant, (ns) => {
      assert.equal(nsOf(msOf(ns), nsWithinMs(ns)), ns)
      assert.ok(nsWithinMs(ns) >= 0 && nsWithinMs(ns) < 1_000_000)
    }),
    { seed: 42, numRuns: 500 },
  )
})
