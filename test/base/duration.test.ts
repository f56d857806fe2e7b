import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration } from '../../src/base/duration.ts'

test('a duration is digits and a unit, once or more', () => {
  const durations: [string, number][] = [
    ['250ms', 250],
    ['90s', 90_000],
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['30d', 2_592_000_000],
    ['1d12h30m15s5ms', 131_415_005],
    ['1s500ms', 1500],
  ]
  for (const [text, ms] of durations) assert.equal(parseDuration(text, 'window'), ms, text)
})

test('anything else is refused, with its place', () => {
  for (const text of ['', '1', 'h', '0s', '-1h', '1.5h', '1 h', '1h ', '1w', '1H', '1e3s']) {
    assert.throws(() => parseDuration(text, 'a.window'), {
      code: 'DEFINITION_INVALID',
      message: /^a\.window: ".*" is not a duration such as/,
    })
  }
  assert.throws(() => parseDuration('9'.repeat(30) + 'd', 'a'), { code: 'DEFINITION_INVALID' })
})

test('a duration is written in its shortest spelling', () => {
  assert.equal(formatDuration(5_400_000), '1h30m')
  assert.equal(formatDuration(2_592_000_000), '30d')
  assert.equal(formatDuration(60_000), '1m')
  assert.equal(formatDuration(1), '1ms')
  assert.equal(formatDuration(0), '0s')
})

test('what is written is read as the same duration', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 48 }), (ms) => {
      assert.equal(parseDuration(formatDuration(ms), ''), ms)
    }),
    { seed: 42, numRuns: 300 },
  )
})
