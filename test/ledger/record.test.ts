import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodeRecord,
  encodeBatch,
  encodeReplay,
  encodeSnapshot,
  peekIds,
} from '../../src/ledger/record.ts'
import { checkRecord, peekGroupStart, recordHeaderBytes } from '../../src/log/frame.ts'
import { newEntry, recordedBatch } from '../helpers/ledgers.ts'

const seed = 0x1234_5678
const replay = { epoch: 2, sequence: 2 ** 40, ids: [3, 2 ** 33] }
const snapshot = {
  nextId: 9,
  position: 2 ** 40,
  replayed: 2,
  counts: [{ producer: 'née', source: 'orders', code: 'EVENT_TIME', rejected: 7, partial: 1 }],
  other: { rejected: 5, partial: 0 },
  lastReplay: replay,
}
const batch = recordedBatch(
  500,
  [
    newEntry(2 ** 40),
    newEntry(2 ** 40 + 3, { code: 'EVENT_TOO_LATE', views: ['a', 'bé'], replayOf: 4 }),
    newEntry(2 ** 40 + 9, { event: new Uint8Array(0) }),
  ],
  { duplicates: [2 ** 40 + 1, 2 ** 40 + 12] },
)

const encoded = {
  snapshot: encodeSnapshot(snapshot, seed),
  batch: encodeBatch({ ...batch, groupStart: 100 }, 1.7e12, 6, seed),
  replay: encodeReplay(replay, { groupStart: 100, arrivalMs: 1.7e12 }, seed),
}

const bodyOf = (bytes: Uint8Array): Uint8Array => bytes.subarray(recordHeaderBytes)

test('the bytes of every kind of record do not change', () => {
  const golden = {
    snapshot:
      '770000006eea01940100000000000022400000000000007042000000000000004000000000000014' +
      '4000000000000000000100000004006ec3a96506006f72646572730a004556454e545f54494d4500' +
      '00000000001c40000000000000f03f02000000000000000000704202000000000000000000084000' +
      '00000000000042',
    batch:
      '140100002c55f51502000000000000594000008056febc7842000000000000184003000000000000' +
      '0000407f40000000000000144000000000000070420100000001007006006f726465727302000000' +
      '10004556454e545f4649454c445f5459504507002f616d6f756e741c00657870656374656420496e' +
      '7436342c20676f74206120737472696e6700000e004556454e545f544f4f5f4c41544507002f616d' +
      '6f756e741c00657870656374656420496e7436342c20676f74206120737472696e67020001006103' +
      '0062c3a9000000000000000000000000000000000400000081a16100030000000100000000000000' +
      '000010400400000081a1610309000000000000000000000000000000000000000200000001000000' +
      '0c000000',
    replay:
      '310000003799202603000000000000594000008056febc7842020000000000000000007042020000' +
      '0000000000000008400000000000000042',
  }
  for (const [kind, bytes] of Object.entries(encoded)) {
    const hex = Buffer.from(bytes).toString('hex')
    assert.equal(hex, golden[kind as keyof typeof golden], kind)
  }
})

test('every kind of record is read as it was written', () => {
  assert.deepEqual(decodeRecord(bodyOf(encoded.snapshot)), { kind: 'snapshot', snapshot })
  assert.deepEqual(decodeRecord(bodyOf(encoded.replay)), { kind: 'replay', replay })
  const { entries, duplicates, ...common } = batch
  const decoded = decodeRecord(bodyOf(encoded.batch))
  assert.ok(decoded?.kind === 'batch')
  const plain = decoded.batch.entries.map((entry) => ({
    ...entry,
    event: Uint8Array.from(entry.event),
  }))
  assert.deepEqual(
    { ...decoded.batch, entries: plain },
    {
      ...common,
      duplicates,
      entries: entries.map((entry, n) => ({ id: 6 + n, ...common, ...entry })),
    },
  )
})

test('ids are seen without decoding, and only batches have them', () => {
  assert.deepEqual(peekIds(bodyOf(encoded.batch)), { first: 6, last: 8 })
  assert.equal(peekIds(bodyOf(encoded.snapshot)), null)
  assert.equal(peekIds(bodyOf(encoded.replay)), null)
})

test('a record has the frame of every log', () => {
  for (const bytes of Object.values(encoded)) {
    const view = new DataView(bytes.buffer)
    assert.equal(checkRecord(bytes, view, 0, seed), 'whole')
    assert.equal(checkRecord(bytes, view, 0, seed + 1), 'bad')
  }
  assert.equal(peekGroupStart(new DataView(encoded.batch.buffer), 0), 100)
  assert.equal(peekGroupStart(new DataView(encoded.replay.buffer), 0), 100)
  assert.equal(peekGroupStart(new DataView(encoded.snapshot.buffer), 0), Number.NaN)
})

test('a reason is written once for all events that have it', () => {
  const one = encodeBatch({ ...recordedBatch(1, [newEntry(0)]), groupStart: 0 }, 0, 1, seed)
  const entries = Array.from({ length: 100 }, (_, n) => newEntry(n))
  const many = encodeBatch({ ...recordedBatch(1, entries), groupStart: 0 }, 0, 1, seed)
  assert.equal(many.length - one.length, 99 * (20 + newEntry(0).event.length))
})

test('a body that is cut is none', () => {
  for (const bytes of Object.values(encoded)) {
    const body = bodyOf(bytes)
    for (let end = 0; end < body.length; end++) {
      assert.equal(decodeRecord(body.subarray(0, end)), null, `${end} of ${body.length}`)
    }
  }
  assert.equal(decodeRecord(Uint8Array.of(9, 0, 0)), null)
})
