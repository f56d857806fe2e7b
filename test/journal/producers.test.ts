import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProducerTable } from '../../src/journal/producers.ts'

/** A table with producer `p`, id 0, epoch 1, whose next sequence is 10. */
function tableAtTen(): ProducerTable {
  const table = new ProducerTable()
  table.open('p', null, 100)
  table.advance(0, 1, 0, 10, 200)
  return table
}

test('a new producer gets the next id, epoch 1 and sequence 0', () => {
  const table = new ProducerTable()
  const a = table.open('a', null, 5)
  const b = table.open('b', null, 6)
  assert.ok(a.kind === 'new' && b.kind === 'new')
  assert.deepEqual(a.producer, { id: 0, name: 'a', epoch: 1, nextSequence: 0, lastSeenMs: 5 })
  assert.deepEqual(b.producer, { id: 1, name: 'b', epoch: 1, nextSequence: 0, lastSeenMs: 6 })
})

test('a producer that asks for no epoch gets a new one, whose sequences start at 0', () => {
  const table = tableAtTen()
  const opening = table.open('p', null, 300)
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
  const opening = table.open('p', 1, 300)
  assert.ok(opening.kind === 'resume')
  assert.equal(opening.producer.nextSequence, 10)
})

test('an epoch that is not the current one is fenced, also of an unknown producer', () => {
  const table = tableAtTen()
  table.open('p', null, 300)
  for (const epoch of [0, 1, 3]) assert.equal(table.open('p', epoch, 300).kind, 'fenced')
  assert.equal(table.open('q', 1, 300).kind, 'fenced')
  assert.equal(table.get(1), undefined)
})

test('names without UTF-8 of their own are one producer before and after a restart', () => {
  const table = new ProducerTable()
  table.open('\ud800', null, 0)
  table.open('\udc00', null, 0)
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
  table.open('q', null, 400)
  const again = new ProducerTable(structuredClone(table.state()))
  assert.deepEqual(again.state(), table.state())
  const sparse = new ProducerTable({ nextId: 5, producers: [] })
  const opening = sparse.open('r', null, 0)
  assert.ok(opening.kind === 'new')
  assert.equal(opening.producer.id, 5)
})
