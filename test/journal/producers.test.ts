import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ProducerTable, type Producer } from '../../src/journal/producers.ts'

const at = (nowMs: number) => ({ nowMs, producersMax: 3 })

/** A table with producer `p`, id 0, epoch 1, whose next sequence is 10. */
function tableAtTen(): ProducerTable {
  const table = new ProducerTable()
  table.open('p', null, at(100))
  table.advance(0, 1, 0, 10, 200)
  return table
}

test('a new producer gets the next id, epoch 1 and sequence 0', () => {
  const table = new ProducerTable()
  const a = table.open('a', null, at(5))
  const b = table.open('b', null, at(6))
  assert.ok(a.kind === 'new' && b.kind === 'new')
  assert.deepEqual(a.producer, { id: 0, name: 'a', epoch: 1, nextSequence: 0, lastSeenMs: 5 })
  assert.deepEqual(b.producer, { id: 1, name: 'b', epoch: 1, nextSequence: 0, lastSeenMs: 6 })
})

test('a producer that asks for no epoch gets a new one, whose sequences start at 0', () => {
  const table = tableAtTen()
  const opening = table.open('p', null, at(300))
  assert.ok(opening.kind === 'new')
  assert.deepEqual(opening.producer, {
    id: 0,
    name: 'p',
    epoch: 2,
    nextSequence: 0,
    lastSeenMs: 300,
  })
})

test('a producer that asks for its current epoch goes on where it was', () => {
  const table = tableAtTen()
  const opening = table.open('p', 1, at(300))
  assert.ok(opening.kind === 'resume')
  assert.equal(opening.producer.nextSequence, 10)
})

test('an epoch that is over is fenced, and one that was never given out unknown', () => {
  const table = tableAtTen()
  table.open('p', null, at(300))
  assert.equal(table.open('p', 1, at(300)).kind, 'fenced')
  for (const epoch of [0, 3]) assert.equal(table.open('p', epoch, at(300)).kind, 'unknown')
  for (const epoch of [0, 1]) assert.equal(table.open('q', epoch, at(300)).kind, 'unknown')
  assert.equal(table.get(1), undefined)
})

test('no more producers are new than there may be', () => {
  const table = tableAtTen()
  for (const name of ['a', 'b']) assert.equal(table.open(name, null, at(1)).kind, 'new')
  assert.equal(table.open('c', null, at(1)).kind, 'full')
  assert.equal(table.open('p', null, at(1)).kind, 'new')
  table.forget(2, () => false)
  assert.equal(table.open('c', null, at(1)).kind, 'new')
})

test('producers that were not seen are forgotten, but for those that are held', () => {
  const table = tableAtTen()
  table.open('q', null, at(300))
  table.open('r', null, at(100))
  table.seen(1, 200)
  assert.deepEqual(
    table.forget(201, (id) => id === 2),
    [0],
  )
  assert.equal(table.open('p', 1, at(300)).kind, 'expired')
  assert.deepEqual(table.check(0, 1, 10, 1), { kind: 'fenced' })
  assert.equal(table.open('q', 1, at(300)).kind, 'resume')
  assert.deepEqual(
    table.forget(300, () => false),
    [2],
  )
  assert.equal(table.open('q', 1, at(300)).kind, 'resume', 'resuming is being seen')
})

test('whatever is forgotten, and after whatever restarts, no epoch is given out twice', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('open' as const), name: fc.nat(3) }),
    fc.record({ kind: fc.constant('forget' as const), seed: fc.nat(15) }),
    fc.record({ kind: fc.constantFrom('snapshot' as const, 'restart' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let table = new ProducerTable()
      let snapshot = table.state()
      /** Records behind the snapshot. */
      let records: Producer[] = []
      const given = new Map<string, Set<number>>()
      const newest = new Map<string, number>()
      for (const next of steps) {
        if (next.kind === 'open') {
          const name = `p${next.name}`
          const opening = table.open(name, null, { nowMs: 0, producersMax: Infinity })
          assert.ok(opening.kind === 'new')
          const epochs = given.get(name) ?? new Set()
          assert.ok(!epochs.has(opening.producer.epoch))
          given.set(name, epochs.add(opening.producer.epoch))
          newest.set(name, opening.producer.epoch)
          records.push({ ...opening.producer })
        } else if (next.kind === 'forget') {
          table.forget(1, (id) => (next.seed & (1 << (id % 4))) === 0)
        } else if (next.kind === 'snapshot') {
          snapshot = structuredClone(table.state())
          records = []
        } else {
          table = new ProducerTable(structuredClone(snapshot))
          for (const record of records) table.restore(record)
        }
        for (const [name, epochs] of given) {
          for (const epoch of epochs) {
            const { kind } = table.open(name, epoch, { nowMs: 0, producersMax: Infinity })
            const isNewest = epoch === newest.get(name)
            assert.ok(isNewest ? ['resume', 'expired'].includes(kind) : kind !== 'resume')
          }
        }
      }
    }),
    { seed: 42, numRuns: 1000 },
  )
})

test('names without UTF-8 of their own are one producer before and after a restart', () => {
  const table = new ProducerTable()
  table.open('\ud800', null, at(0))
  table.open('\udc00', null, at(0))
  assert.deepEqual(
    table.state().producers.map(({ name, epoch }) => [name, epoch]),
    [['\ufffd', 2]],
  )
})

test('the batch that starts at the next sequence is new', () => {
  assert.deepEqual(tableAtTen().check(0, 1, 10, 5), { kind: 'new' })
})

test('a batch that ends at or before the next sequence is a duplicate', () => {
  const table = tableAtTen()
  assert.deepEqual(table.check(0, 1, 0, 10), { kind: 'duplicate' })
  assert.deepEqual(table.check(0, 1, 9, 1), { kind: 'duplicate' })
  assert.deepEqual(table.check(0, 1, 10, 0), { kind: 'duplicate' })
})

test('a batch that straddles the next sequence is new in part', () => {
  assert.deepEqual(tableAtTen().check(0, 1, 7, 4), { kind: 'partly', skip: 3 })
})

test('a batch behind the next sequence leaves a gap, and is told what is expected', () => {
  assert.deepEqual(tableAtTen().check(0, 1, 11, 1), { kind: 'gap', expected: 10 })
  assert.deepEqual(tableAtTen().check(0, 1, 11, 0), { kind: 'gap', expected: 10 })
})

test('a batch of another epoch or an unknown producer is fenced', () => {
  assert.deepEqual(tableAtTen().check(0, 2, 10, 1), { kind: 'fenced' })
  assert.deepEqual(tableAtTen().check(7, 1, 0, 1), { kind: 'fenced' })
})

test('a check changes nothing', () => {
  const table = tableAtTen()
  const before = structuredClone(table.state())
  table.check(0, 1, 10, 5)
  table.check(0, 1, 20, 5)
  assert.deepEqual(table.state(), before)
})

test('only the next batch of the current epoch can be noted', () => {
  assert.throws(() => tableAtTen().advance(0, 1, 11, 1, 0), /no gap/)
  assert.throws(() => tableAtTen().advance(0, 1, 9, 1, 0), /no gap/)
  assert.throws(() => tableAtTen().advance(0, 2, 10, 1, 0), /open epoch/)
})

test('a table built from the state of another one is the same, and gives no id twice', () => {
  const table = tableAtTen()
  table.open('q', null, at(400))
  const again = new ProducerTable(structuredClone(table.state()))
  assert.deepEqual(again.state(), table.state())
  const sparse = new ProducerTable({ nextId: 5, epochFloor: 3, producers: [] })
  const opening = sparse.open('r', null, at(0))
  assert.ok(opening.kind === 'new')
  assert.equal(opening.producer.id, 5)
  assert.equal(opening.producer.epoch, 4)
})
