/**
 * The recording between batches that a test decides and a ledger in memory.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { Batch } from '../../src/intake/batch.ts'
import { Recording, replayProducer } from '../../src/intake/recording.ts'
import { noWays } from '../../src/intake/verdict.ts'
import { rejection } from '../../src/model/rejection.ts'
import { openLedgerOn, readLedger } from '../helpers/ledgers.ts'
import { MemoryDisk } from '../helpers/memory-disk.ts'

const payload = encode([Uint8Array.of(1), Uint8Array.of(2)])

async function setUp({ before = 0, disk = new MemoryDisk() } = {}) {
  const { ledger } = await openLedgerOn(disk)
  const settled: number[] = []
  const recording = new Recording({
    ledger,
    before,
    producerName: (id) => (id === 9 ? replayProducer : `p${id}`),
    maintain: async (work) => void (await work()),
    onFailure: (thrown) => assert.fail(String(thrown)),
  })
  return {
    ledger,
    recording,
    settled,
    /** A batch that is routed; `decide` has a lane answer for it, with a rejection or without. */
    pass: (position: number, { producerId = 1, sequence = 0, isRefused = false } = {}) => {
      const place = recording.add(position)
      const isRecorded = position <= recording.before
      const facts = { position, sequence, count: 2, bytes: 9, sourceName: 's', arrivalMs: 1 }
      const batch = new Batch(
        { ...facts, producerId, epoch: 1, ways: noWays, origins: null, isRecorded },
        {
          held: () => {},
          refused: () => recording.refused(position),
          decided: (done) => recording.decided(place, done),
          settled: () => settled.push(position),
        },
      )
      batch.keep(payload)
      if (isRefused) batch.reject(-1, [rejection(0, 'SOURCE_UNKNOWN', '')])
      batch.expectLane()
      batch.routed(0)
      batch.flushed()
      return (isWrong = false) => {
        if (isWrong) batch.reject(0, [rejection(1, 'EVENT_TIME', '/at')])
        batch.laneDone()
      }
    },
    flush: async () => {
      await ledger.whenFlushed()
      recording.stop()
    },
  }
}

test('a batch with nothing to record is settled at once, whatever others wait for', async () => {
  const { pass, settled, flush, recording } = await setUp()
  const first = pass(10)
  const second = pass(20)
  second()
  assert.deepEqual(settled, [20])
  assert.equal(recording.recorded.upTo, 0)
  first()
  assert.deepEqual(settled, [20, 10])
  assert.equal(recording.recorded.upTo, 20)
  await flush()
})

test('entries go into the ledger in the order of the journal, whole batches', async () => {
  const { pass, settled, ledger, recording, flush } = await setUp()
  const decide = [10, 20, 30, 40].map((position) => pass(position, { sequence: position }))
  decide[2]!(true)
  decide[1]!(true)
  assert.equal(ledger.lastId, 0)
  decide[0]!()
  assert.equal(ledger.lastId, 2)
  assert.deepEqual(settled, [10])
  assert.equal(recording.recorded.upTo, 10)
  await flush()
  assert.deepEqual(settled, [10, 20, 30])
  assert.equal(recording.recorded.upTo, 30)
  decide[3]!()
  assert.equal(recording.recorded.upTo, 40)
  const entries = await readLedger(ledger)
  assert.deepEqual(
    entries.map(({ position, producer, sequence, code, event }) =>
      [position, producer, sequence, code, event[0]].join(' '),
    ),
    ['20 p1 21 EVENT_TIME 2', '30 p1 31 EVENT_TIME 2'],
  )
})

test('what the ledger has from an earlier life is not recorded again', async () => {
  const { pass, settled, ledger, flush, recording } = await setUp({ before: 20 })
  for (const position of [10, 20, 30]) pass(position)(true)
  assert.deepEqual(settled, [10, 20])
  await flush()
  assert.deepEqual(settled, [10, 20, 30])
  assert.equal(ledger.lastId, 1)
  assert.equal(recording.recorded.upTo, 30)
})

test('the first batch that no shard saw whole is told until it is recorded', async () => {
  const { pass, flush, recording } = await setUp()
  const decide = [10, 20, 30].map((position, n) => pass(position, { isRefused: n > 0 }))
  assert.deepEqual(recording.recorded, { upTo: 0, refusedFrom: 20 })
  for (const each of decide) each()
  await flush()
  assert.deepEqual(recording.recorded, { upTo: 30, refusedFrom: Infinity })
})

test('idle waits for open batches and for the disk', async () => {
  const { pass, flush, recording } = await setUp()
  const decide = pass(10)
  let isIdle = false
  const idle = recording.idle().then(() => (isIdle = true))
  await Promise.resolve()
  assert.equal(isIdle, false)
  decide(true)
  await flush()
  await idle
  await recording.idle()
})

test('an event that was replayed and is rejected again names its entry', async () => {
  const { pass, ledger, flush } = await setUp()
  pass(10)(true)
  await ledger.beginReplay({ epoch: 1, sequence: 4, ids: [1, 7] })
  pass(20, { producerId: 9, sequence: 4 })(true)
  pass(30, { producerId: 1, sequence: 4 })(true)
  await flush()
  const entries = await readLedger(ledger)
  assert.deepEqual(
    entries.map(({ producer, replayOf }) => [producer, replayOf]),
    [
      ['p1', null],
      ['ledger replay', 7],
      ['p1', null],
    ],
  )
})
