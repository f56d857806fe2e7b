import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  parseSegmentName,
  segmentPath,
} from '../../src/log/segment.ts'
import { journalFormat as format } from '../../src/journal/record.ts'

const header = {
  start: 4_294_967_301,
  createdMs: 1_700_000_000_000,
  logId: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'),
}

test('the bytes of a segment header do not change', () => {
  assert.equal(
    Buffer.from(encodeSegmentHeader(header, format)).toString('hex'),
    '6d696c6c726163650300000000000000000050000000f04100008056febc7842' +
      '000102030405060708090a0b0c0d0e0fc6f158a2',
  )
})

test('a header is read as it was written', () => {
  const decoded = decodeSegmentHeader(encodeSegmentHeader(header, format), format)
  assert.deepEqual(decoded, { ...header, logId: new Uint8Array(header.logId) })
})

test('a header with any bit flipped, or cut, is none', () => {
  const bytes = encodeSegmentHeader(header, format)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = new Uint8Array(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    assert.equal(decodeSegmentHeader(flipped, format), null, `bit ${bit}`)
  }
  for (let end = 0; end < bytes.length; end++) {
    assert.equal(decodeSegmentHeader(bytes.subarray(0, end), format), null)
  }
})

test('a whole header of another format version is refused by its number', () => {
  const bytes = encodeSegmentHeader(header, format)
  const view = new DataView(bytes.buffer)
  view.setUint16(8, 9, true)
  view.setUint32(48, crc32(bytes.subarray(0, 48)), true)
  assert.throws(() => decodeSegmentHeader(bytes, format), {
    code: 'STORE_FORMAT',
    details: { found: 9, expected: format.version },
  })
})

test('names of segments sort like their positions, and other files are not segments', () => {
  assert.equal(segmentPath('/log', 5, format), '/log/0000000000000005.journal')
  assert.equal(segmentPath('/log', 2 ** 53, format), '/log/9007199254740992.journal')
  assert.equal(parseSegmentName(segmentPath('/log', 2 ** 53, format), format), 2 ** 53)
  for (const name of [
    '5.journal',
    '0000000000000005.journal~',
    'lock',
    '00000000000000x5.journal',
  ]) {
    assert.equal(parseSegmentName(name, format), null)
  }
})
