import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { Problems } from '../../src/define/problems.ts'
import { resolveWindow, resolveWindowPlan } from '../../src/define/windows.ts'

/** What is wrong with windows of a view of this kind; `{}` is a sawtooth. */
function problemsOf(view: { aggregationInterval?: string }, ...windows: string[]): string[] {
  const problems = new Problems()
  const mode = view.aggregationInterval === undefined ? 'sawtooth' : 'interval'
  const plan = resolveWindowPlan({ mode, ...view }, 'v', problems)
  for (const window of windows) resolveWindow(window, plan, window, problems)
  try {
    problems.throwIfAny()
  } catch (error) {
    assert.ok(error instanceof MillraceError && error.code === 'DEFINITION_INVALID')
    return error.message
      .replace(/^\d+ problems\n/, '')
      .split('\n')
      .map((line) => line.trim())
  }
  return []
}

test('a sawtooth that only narrow tiles divide is refused, and the nearest that fits named', () => {
  const refused = (window: string, tiles: string, nearest: string) =>
    `${window}: window "${window}" has ${tiles}, more than 2000; ` +
    `the nearest that fits is "${nearest}"`
  assert.deepEqual(problemsOf({}, '30h1s', '30h59s', '1h3s', '33m21s', '7d1m', '1829d13h'), [
    refused('30h1s', '108001 tiles of 1s', '1d6h'),
    refused('30h59s', '108059 tiles of 1s', '1d6h1m'),
    refused('1h3s', '3603 tiles of 1s', '1h5s'),
    refused('33m21s', '2001 tiles of 1s', '33m20s'),
    refused('7d1m', '10081 tiles of 1m', '7d'),
    refused('1829d13h', '43909 tiles of 1h', '1830d'),
  ])
})

test('what is named as the nearest sawtooth is accepted, and so are common windows', () => {
  assert.deepEqual(problemsOf({}, '1d6h', '1d6h1m', '1h5s', '33m20s', '7d', '1830d'), [])
  assert.deepEqual(problemsOf({}, '10s', '1h', '61m', '1d', '7d1h', '31d', '90d', '365d6h'), [])
})

test('a tile too wide for the nanoseconds of a double is refused, the widest is not', () => {
  assert.deepEqual(problemsOf({ aggregationInterval: '104d' }, '104d', '208d'), [])
  assert.deepEqual(problemsOf({ aggregationInterval: '104d1ms' }, '208d2ms'), [
    'v.aggregationInterval: "104d1ms" is longer than 104d, the longest that keeps events in ' +
      'order to the nanosecond',
  ])
})
