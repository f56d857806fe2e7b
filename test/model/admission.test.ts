import assert from 'node:assert/strict'
import { test } from 'node:test'
import { httpHeadersMax } from '../../src/base/http-limits.ts'
import { admissionRefusal, type Admission } from '../../src/model/admission.ts'

const ours: Admission = {
  allowedOrigins: ['https://shop.example'],
  hostNames: ['millrace.local', 'shop.example'],
}

function codeOf(headers: Readonly<Record<string, string>>, admission = ours): string | null {
  const rawHeaders = Object.entries(headers).flat()
  return admissionRefusal({ headers, rawHeaders }, admission)?.code ?? null
}

test('a request by an address, by localhost or by a name of ours is admitted', () => {
  const names = ['127.0.0.1', '127.0.0.1:4800', '10.1.2.3:80', '[::1]', '[::1]:4800', 'localhost']
  for (const host of [...names, 'LOCALHOST:4800', 'millrace.local:4800', 'Shop.Example']) {
    assert.equal(codeOf({ host }), null, host)
  }
  assert.equal(codeOf({}), null)
})

test('a request by any other name is refused', () => {
  const names = [
    'attacker.example',
    '127.0.0.1.attacker.example:4800',
    'localhost.attacker.example',
  ]
  for (const host of [
    ...names,
    'localhost.',
    '',
    ':4800',
    '[::1',
    '127.0.0.1:x',
    '0x7f.1',
    'a b',
  ]) {
    assert.equal(codeOf({ host }), 'HOST_UNKNOWN', host)
  }
  assert.equal(codeOf({ host: 'attacker.example' }, { ...ours, hostNames: null }), null)
})

test('a page of an origin that is not allowed is refused, to the letter', () => {
  assert.equal(codeOf({ origin: 'https://shop.example' }), null)
  const wrong = [
    'http://shop.example',
    'https://shop.example:444',
    'null',
    '',
    'https://Shop.example',
  ]
  for (const origin of wrong) assert.equal(codeOf({ origin }), 'FORBIDDEN_ORIGIN', origin)
})

test('a request with more headers than the bound is refused, whatever they are', () => {
  const headers = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, '1']))
  assert.equal(codeOf(headers(httpHeadersMax)), null)
  assert.equal(codeOf(headers(httpHeadersMax + 1)), 'REQUEST_INVALID')
})
