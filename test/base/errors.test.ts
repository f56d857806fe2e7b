import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  errorMessage,
  errorTable,
  MillraceError,
  printable,
  reasonOf,
} from '../../src/base/errors.ts'

test('a message is the sentence of the table with its details filled in', () => {
  const error = new MillraceError('EVENT_TOO_LARGE', { size: 10, max: 5 })
  assert.equal(error.message, 'event of 10 bytes exceeds 5')
  assert.equal(error.code, 'EVENT_TOO_LARGE')
  assert.deepEqual(error.details, { size: 10, max: 5 })
  assert.equal(String(error), 'MillraceError: event of 10 bytes exceeds 5')
})

test('a message and a cause may be given', () => {
  const cause = new Error('why')
  const error = new MillraceError('INTERNAL', {}, { cause, message: 'told' })
  assert.equal(error.message, 'told')
  assert.equal(error.cause, cause)
})

test('a placeholder without a detail stays visible', () => {
  assert.equal(errorMessage('EVENT_TOO_LARGE', { max: 5 }), 'event of {size} bytes exceeds 5')
})

test('a detail is not searched for placeholders', () => {
  const details = { name: '{name} $& $1' }
  assert.equal(
    errorMessage('FEATURES_UNKNOWN', details),
    'no feature service or view is named "{name} $& $1"',
  )
})

test('every row has a status and a close code that exist', () => {
  for (const [code, { http, close }] of Object.entries(errorTable)) {
    assert.match(code, /^[A-Z]+(_[A-Z]+)*$/)
    assert.ok(http >= 400 && http < 600, code)
    assert.ok(close === null || (close >= 1000 && close < 5000), code)
  }
})

test('printable text has no control, line or direction characters', () => {
  assert.equal(printable('a\nb\u0000c'), 'a\\u000ab\\u0000c')
  assert.equal(printable('\u001b[31mred'), '\\u001b[31mred')
  assert.equal(printable('\u2028\u202e\u2066\u0085'), '\\u2028\\u202e\\u2066\\u0085')
  assert.equal(printable('plain “text” 😀'), 'plain “text” 😀')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(printable(text), /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
    }),
    { seed: 42, numRuns: 300 },
  )
})

test('long text is cut, with a mark', () => {
  assert.equal(printable('x'.repeat(300)), `${'x'.repeat(256)}…`)
  assert.equal(printable('abcdef', 3), 'abc…')
  assert.equal(printable('abc', 3), 'abc')
})

test('anything thrown has a reason', () => {
  assert.equal(reasonOf(new Error('a')), 'a')
  assert.equal(reasonOf('b'), 'b')
  assert.equal(reasonOf(undefined), 'undefined')
})
