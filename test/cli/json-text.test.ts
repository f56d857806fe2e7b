import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonText } from '../../src/cli/json-text.ts'

test('JSON for a terminal means the same, and holds nothing that a terminal obeys', () => {
  const hostile = 'a\u0000\n\u001b[2J\u007f\u009b31m\u2028\u2029\u202e\u2066"\\ é日\ud83d\ude00'
  const value = { [hostile]: [hostile, 1, null, 'x'.repeat(5000)] }
  const text = jsonText(value)
  assert.deepEqual(JSON.parse(text), value)
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/)
  assert.ok(text.includes('é日\ud83d\ude00'), 'what can be shown is shown')
})
