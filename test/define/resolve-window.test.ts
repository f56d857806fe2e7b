import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { Problems } from '../../src/define/problems.ts'
import { resolveWindow, resolveWindowPlan } from '../../src/define/resolve-window.ts'

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

test('a sawtooth window may have any length from ten seconds to five years', () => {
  assert.deepEqual(problemsOf({}, '10s', '10500ms', '30h1s', '61m', '7d', '365d6h', '1830d'), [])
  assert.deepEqual(problemsOf({}, '9s', '1831d'), [
    '9s: window "9s" is shorter than 10s',
    '1831d: window "1831d" reaches back further than 1830d',
  ])
})

test('a tile too wide for the nanoseconds of a double is refused, the widest is not', () => {
  assert.deepEqual(problemsOf({ aggregationInterval: '104d' }, '104d', '208d'), [])
  assert.deepEqual(problemsOf({ aggregationInterval: '104d1ms' }, '208d2ms'), [
    'v.aggregationInterval: "104d1ms" is longer than 104d, the longest that keeps events in ' +
      'order to the nanosecond',
  ])
})
