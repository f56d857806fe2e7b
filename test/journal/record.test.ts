import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  backfillPreface,
  batchHeadBytes,
  decodeRecord,
  encodeProducer,
  encodeSnapshot,
  noPreface,
  strayPreface,
  writeBatchHead,
  type Preface,
} from '../../src/journal/record.ts'
import {
  checkRecord,
  encodeClosed,
  peekGroupStart,
  recordBytes,
  recordHeaderBytes,
} from '../../src/log/frame.ts'

const seed = 0x1234_5678

const snapshot = {
  sources: ['clicks', 'orders'],
  producers: {
    nextId: 4,
    epochFloor: 9,
    producers: [{ id: 3, name: 'née', epoch: 2, nextSequence: 2 ** 40, lastSeenMs: 1.7e12 }],
  },
}
const producer = { groupStart: 1000, arrivalMs: 1.7e12, id: 3, name: 'née', epoch: 2 }
const closed = { groupStart: 1000, arrivalMs: 1.7e12 }
const batch = {
  groupStart: 1000,
  arrivalMs: 1.7e12,
  source: 1,
  producer: 3,
  epoch: 2,
  sequence: 2 ** 40,
  count: 2,
  payload: new Uint8Array([0x92, 0xc4, 0x01, 0x80, 0xc4, 0x01, 0x80]),
}

function encodeBatch(record: typeof batch, preface: Preface = noPreface): Uint8Array {
  const { payload } = record
  const payloadAt = batchHeadBytes + preface.bytes.length
  const bytes = new Uint8Array(payloadAt + payload.length)
  writeBatchHead(bytes, new DataView(bytes.buffer), 0, record, preface, seed)
  bytes.set(preface.bytes, batchHeadBytes)
  bytes.set(payload, payloadAt)
  return bytes
}

const backfill = { id: 7, origins: Uint8Array.of(1, 2, 3) }

const encoded = {
  snapshot: encodeSnapshot(snapshot, seed),
  producer: encodeProducer(producer, seed),
  batch: encodeBatch(batch),
  closed: encodeClosed(closed, seed),
  backfill: encodeBatch(batch, backfillPreface(backfill)),
}

function check(bytes: Uint8Array, from = seed): string {
  return checkRecord(bytes, new DataView(bytes.buffer), 0, from)
}

test('the bytes of every kind of record do not change', () => {
  const golden = {
    snapshot:
      '3d000000 b9f90d84 01 0200 0600636c69636b73 06006f7264657273 04000000 09000000 ' +
      '01000000 03000000 02000000 0000000000007042 00008056febc7842 04006ec3a965',
    producer:
      '1f000000 3a296aec 02 0000000000408f40 00008056febc7842 03000000 02000000 04006ec3a965',
    batch:
      '2e000000 bc9d8c1b 03 0000000000408f40 00008056febc7842 0100 03000000 ' +
      '02000000 02000000 0000000000007042 92c40180c40180',
    closed: '11000000 19197201 04 0000000000408f40 00008056febc7842',
    backfill:
      '39000000 2436edfd 05 0000000000408f40 00008056febc7842 0100 03000000 ' +
      '02000000 02000000 0000000000007042 07000000 03000000 010203 92c40180c40180',
  }
  for (const [kind, bytes] of Object.entries(encoded)) {
    const expected = golden[kind as keyof typeof golden].replaceAll(' ', '')
    assert.equal(Buffer.from(bytes).toString('hex'), expected, kind)
  }
})

test('every kind of record is read as it was written', () => {
  const bodies = Object.values(encoded).map((bytes) => bytes.subarray(recordHeaderBytes))
  const decoded = bodies.map((body) => decodeRecord(body))
  assert.deepEqual(decoded, [
    { kind: 'snapshot', ...snapshot },
    { kind: 'producer', ...producer },
    { kind: 'batch', ...batch, stray: null, backfill: null },
    { kind: 'closed', ...closed },
    { kind: 'batch', ...batch, stray: null, backfill },
  ])
})

test('a batch of an unknown source keeps its name and its events', () => {
  const record = encodeBatch({ ...batch, source: -1 }, strayPreface('née'))
  const body = record.subarray(recordHeaderBytes)
  const expected = { ...batch, source: -1, stray: 'née', backfill: null }
  assert.deepEqual(decodeRecord(body), { kind: 'batch', ...expected })
})

test('a record is whole, short or bad', () => {
  for (const bytes of Object.values(encoded)) {
    assert.equal(check(bytes), 'whole')
    assert.equal(recordBytes(new DataView(bytes.buffer), 0), bytes.length)
    assert.equal(check(bytes.slice(0, -1)), 'short')
    assert.equal(check(bytes.slice(0, 7)), 'short')
    for (let at = 4; at < bytes.length; at++) {
      const flipped = new Uint8Array(bytes)
      flipped[at]! ^= 0x10
      assert.equal(check(flipped), 'bad', `byte ${at}`)
    }
  }
})

test('zeros are not an empty record', () => {
  assert.equal(check(new Uint8Array(64)), 'bad')
})

test('a record of another log is bad', () => {
  assert.equal(check(encoded.batch, seed + 1), 'bad')
})

test('all but snapshots show the start of their group', () => {
  const shown = Object.values(encoded).map((bytes) => peekGroupStart(new DataView(bytes.buffer), 0))
  assert.deepEqual(shown, [Number.NaN, 1000, 1000, 1000, 1000])
  assert.deepEqual(peekGroupStart(new DataView(new ArrayBuffer(24)), 0), Number.NaN)
})

test('a body that is not of this format decodes to null', () => {
  assert.equal(decodeRecord(new Uint8Array(0)), null)
  assert.equal(decodeRecord(new Uint8Array([9, 0, 0])), null)
  for (const bytes of Object.values(encoded)) {
    const body = bytes.subarray(recordHeaderBytes)
    for (let end = 0; end < Math.min(body.length, 39); end++) {
      assert.equal(decodeRecord(body.subarray(0, end)), null)
    }
  }
  for (const bytes of [encoded.snapshot, encoded.producer, encoded.closed]) {
    const longer = Buffer.concat([bytes.subarray(recordHeaderBytes), Buffer.from([0])])
    assert.equal(decodeRecord(longer), null)
  }
})
