import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJson } from '../../src/compat/json-body.ts'

const parse = (text: string): unknown => parseJson(Buffer.from(text))

test('an integer beyond the doubles keeps its digits, as text', () => {
  assert.deepEqual(parse('{"a": 9007199254740993, "b": [-9223372036854775808, 12]}'), {
    a: '9007199254740993',
    b: ['-9223372036854775808', 12],
  })
  assert.deepEqual(parse('12345678901234567'), '12345678901234567')
})

test('other numbers and texts stay what they are', () => {
  const text = '{"a": "9007199254740993", "b": "\\"1234567890123456", "c": 0.1234567890123456}'
  assert.deepEqual(parse(text), {
    a: '9007199254740993',
    b: '"1234567890123456',
    c: 0.1234567890123456,
  })
  assert.deepEqual(
    parse('[1234567890123456.5, 1234567890123456e3, 1e-1234567890123456, 1.5]'),
    [1234567890123456.5, 1234567890123456e3, 0, 1.5],
  )
  assert.deepEqual(parse('{"1234567890123456\\\\": 1}'), { '1234567890123456\\': 1 })
})

test('what is not JSON in UTF-8 is refused', () => {
  for (const [bytes, reason] of [
    [Buffer.alloc(0), /^body: is empty/],
    [Buffer.from([0x22, 0xff, 0x22]), /^body: is not UTF-8/],
    [Buffer.from('{"a": 12345678901234567'), /^body: is not JSON/],
    [Buffer.from('{"a": 01234567890123456}'), /^body: is not JSON/],
    [Buffer.from('{12345678901234567: 1}'), /^body: is not JSON/],
    [Buffer.from('{12345678901234567 : 1}'), /^body: is not JSON/],
    [Buffer.from('a=1'), /^body: is not JSON/],
  ] as const) {
    assert.throws(
      () => parseJson(bytes),
      (error: Error & { code?: string }) =>
        error.code === 'REQUEST_INVALID' && reason.test(error.message),
    )
  }
})

test('a string of quotes that does not end is looked through once', () => {
  // Looked through from each of its quotes, this takes hours.
  const quotes = String.raw`\"`.repeat(2 ** 21)
  for (const end of ['', '\\', '\\\n']) {
    assert.throws(
      () => parse(`[1234567890123456, "${quotes}${end}`),
      /^MillraceError: body: is not/,
    )
  }
})
