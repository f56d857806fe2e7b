/**
 * The fast path accepts an event only where the full path does, with the same values.
 *
 * Method: events are generated in every usual wire form of their types and some unusual ones, put
 * in an order that is compiled or in any other, mutated byte by byte; whatever the fast path
 * accepts is compared with the decoder.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createEncoder } from '../../src/model/msgpack.ts'
import { RowBatch } from '../../src/model/rows.ts'
import { createEventDecoder, isProblem } from '../../src/validate/decoder.ts'
import { createFastReader } from '../../src/validate/fast-reader.ts'
import { plainField } from '../../src/validate/plain-field.ts'
import { compileStraightReader } from '../../src/validate/straight-reader.ts'
import { field, sourceOf } from '../helpers/event-catalog.ts'
import { Encoder } from '@msgpack/msgpack'

const fields = [
  field('user', 'String'),
  field('at', 'Timestamp'),
  field('big', 'Int64'),
  field('small', 'Int32', true),
  field('amount', 'Float64'),
  field('ratio', 'Float32', true),
  field('flag', 'Bool'),
  field('seen', 'Timestamp', true),
  field('a_name_that_is_longer_than_thirty_one_bytes', 'String', true),
]
const source = sourceOf(fields)
const rows = new RowBatch(fields)
const fast = createFastReader(source, rows)!
const decoder = createEventDecoder(source)
const exact = createEncoder()
const plain = new Encoder({ useBigInt64: true, ignoreUndefined: true })

const number = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0, -0, 127, 128, -32, -33, 65_535, 65_536, 2 ** 31, -(2 ** 31), 2n ** 53n),
)
const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ minLength: 32 }))
const time = fc.oneof(
  fc.date({ noInvalidDate: true, min: new Date(-3e12), max: new Date(8e12) }),
  fc.integer({ min: -3e12, max: 8e12 }).map(BigInt),
  fc.integer({ min: 0, max: 2 ** 31 }),
  fc.constant('2024-05-06T07:08:09.123456789Z'),
)
const any = fc.oneof(number, text, time, fc.boolean(), fc.constant(null), fc.constant([1]))

/** Mostly the right type, sometimes anything, sometimes absent. */
function mostly(right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 30, arbitrary: right },
    { weight: 1, arbitrary: any },
    { weight: 1, arbitrary: fc.constant(undefined) },
  )
}

const event = fc.record({
  user: mostly(text),
  at: mostly(time),
  big: mostly(number),
  small: mostly(fc.oneof(fc.integer(), fc.constant(null))),
  amount: mostly(number),
  ratio: mostly(fc.oneof(fc.double(), fc.constant(null))),
  flag: mostly(fc.boolean()),
  seen: mostly(fc.oneof(time, fc.constant(null))),
  a_name_that_is_longer_than_thirty_one_bytes: mostly(fc.oneof(text, fc.constant(null))),
})

const declared = fields.map(({ name }) => name)

const bytesOf = fc
  .tuple(
    event,
    fc.oneof(
      fc.constantFrom(declared, declared.toReversed()),
      fc.shuffledSubarray(declared, { minLength: fields.length }),
    ),
    fc.boolean(),
    fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 2 }),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([values, order, isExact, mutations, cut]) => {
    const shuffled = Object.fromEntries(
      order
        .map((name) => [name, values[name as keyof typeof values]] as const)
        .filter(([, value]) => value !== undefined),
    )
    const encoded = Uint8Array.from((isExact ? exact : plain).encode(shuffled))
    if (cut === 3) {
      for (const [at, byte] of mutations) if (at < encoded.length) encoded[at] = byte
    }
    return encoded
  })

/** Row 0 as the fast path filled it. */
function fastRow(bytes: Uint8Array): Record<string, unknown> | null {
  rows.reset(bytes, 1)
  // Neighbours that are not the event's must not be read.
  const padded = Buffer.from([0xc1, ...bytes, 0xc1])
  const view = new DataView(padded.buffer, padded.byteOffset, padded.byteLength)
  if (!fast(padded, view, 1, 1 + bytes.length, 0)) return null
  const values = Object.fromEntries(rows.columns.map((column) => [column.name, column.get(0)]))
  return { ...values, timeMs: rows.timeMs[0], timeNs: rows.timeNs[0] }
}

function slowRow(bytes: Uint8Array): Record<string, unknown> | null {
  const decoded = decoder.decode(bytes, 0, bytes.length)
  if (isProblem(decoded)) return null
  const row = new RowBatch(fields)
  row.reset(bytes, 1)
  for (const column of row.columns) column.set(0, decoded.values[column.name]!)
  const values = Object.fromEntries(row.columns.map((column) => [column.name, column.get(0)]))
  return { ...values, timeMs: decoded.timeMs, timeNs: decoded.timeNs }
}

test('what the fast path accepts, the full path accepts with the same values', () => {
  let accepted = 0
  let rejected = 0
  fc.assert(
    fc.property(bytesOf, (bytes) => {
      const row = fastRow(bytes)
      if (row === null) {
        rejected += 1
        return
      }
      accepted += 1
      assert.deepEqual(row, slowRow(bytes))
    }),
    { seed: 42, numRuns: 10_000 },
  )
  assert.ok(accepted > 1000 && rejected > 1000, `${accepted} accepted, ${rejected} left`)
})

test('columns that no view has change nothing', () => {
  const none = new RowBatch([])
  none.reset(new Uint8Array(0), 1)
  const reader = createFastReader(source, none)!
  fc.assert(
    fc.property(bytesOf, (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const row = fastRow(bytes)
      const isPlain = reader(Buffer.from(bytes.buffer), view, 0, bytes.length, 0)
      assert.equal(isPlain, row !== null)
      if (row === null) return
      assert.deepEqual([none.timeMs[0], none.timeNs[0]], [row['timeMs'], row['timeNs']])
    }),
    { seed: 43, numRuns: 3000 },
  )
})

test('an order that comes often is compiled, and reads what it read before', () => {
  const batch = new RowBatch(fields)
  batch.reset(new Uint8Array(0), 1)
  const reader = createFastReader(source, batch)!
  const usual = { flag: true, big: 7, at: new Date(5), user: 'u', amount: 0.5 }
  const names = Object.keys(usual)
  for (let turn = 0; turn < 6; turn++) {
    names.push(names.shift()!)
    const order = names.map((name) => [name, usual[name as keyof typeof usual]])
    const bytes = Buffer.from(exact.encode(Object.fromEntries(order)))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let n = 0; n < 100; n++) {
      batch.columns[5]!.set(0, 3)
      assert.ok(reader(bytes, view, 0, bytes.length, 0))
      const values = batch.columns.map((column) => column.get(0))
      assert.deepEqual(values, ['u', 5_000_000n, 7n, null, 0.5, null, true, null, null])
    }
  }
})

test('a reader is compiled only for orders that plain events have', () => {
  const plain = fields.map((each) => plainField(each, source, rows)!)
  assert.equal(compileStraightReader(plain, [0, 1, 2], rows), null, 'required fields are missing')
  assert.notEqual(compileStraightReader(plain, [6, 4, 2, 1, 0], rows), null)
})

test('usual events take the fast path, whatever the order of their fields', () => {
  const usual = {
    user: 'u1',
    at: new Date(1_700_000_000_123),
    big: 2n ** 60n,
    amount: 1.5,
    flag: true,
    ratio: 0.25,
    small: -7,
    seen: new Date(0),
    a_name_that_is_longer_than_thirty_one_bytes: 'x',
  }
  const orders = [Object.keys(usual), Object.keys(usual).reverse()]
  for (const order of orders) {
    const bytes = exact.encode(
      Object.fromEntries(order.map((name) => [name, usual[name as keyof typeof usual]])),
    )
    assert.deepEqual(fastRow(bytes), slowRow(bytes))
    assert.notEqual(fastRow(bytes), null)
  }
})

test('a field that is left out is null when it may be, and else no plain event', () => {
  const required = { user: 'u', at: 5, big: 1, amount: 2, flag: false }
  assert.equal(fastRow(exact.encode(required))?.['ratio'], null)
  const { flag: _, ...without } = required
  assert.equal(fastRow(exact.encode(without)), null)
})

test('odd orders keep no place for good', () => {
  const batch = new RowBatch(fields)
  batch.reset(new Uint8Array(0), 1)
  let compiled = 0
  const reader = createFastReader(source, batch, (...options) => {
    compiled += 1
    return compileStraightReader(...options)
  })!
  const usual = { user: 'u', at: new Date(5), big: 7, amount: 0.5, flag: true }
  const names = Object.keys(usual)
  const send = (order: readonly string[], times: number): void => {
    const entries = order.map((name) => [name, usual[name as keyof typeof usual]])
    const bytes = Buffer.from(exact.encode(Object.fromEntries(entries)))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let n = 0; n < times; n++) assert.ok(reader(bytes, view, 0, bytes.length, 0))
  }
  // The declared order is compiled at once; three more take the places that are left.
  for (const odd of [
    [1, 0, 2, 3, 4],
    [2, 1, 0, 3, 4],
    [3, 1, 2, 0, 4],
  ]) {
    send(
      odd.map((n) => names[n]!),
      64,
    )
  }
  assert.equal(compiled, 4)
  const honest = names.toReversed()
  send(honest, 63)
  assert.equal(compiled, 4)
  send(honest, 1)
  assert.equal(compiled, 5)
  send(names, 127)
  assert.equal(compiled, 5, 'from now on it takes twice as many')
  send(names, 1)
  assert.equal(compiled, 6)
  send(honest, 1000)
  assert.equal(compiled, 6, 'the one of use stays')
})

test('an event of more than fifteen fields is plain, too', () => {
  const many = [
    field('at', 'Timestamp'),
    ...Array.from({ length: 25 }, (_, n) => field(`n${n}`, 'Int64')),
  ]
  const batch = new RowBatch(many)
  batch.reset(new Uint8Array(0), 1)
  const reader = createFastReader(sourceOf(many), batch)!
  const values = many.slice(1).map(({ name }, n) => [name, n] as const)
  for (const entries of [values, values.toReversed()]) {
    const bytes = Buffer.from(exact.encode(Object.fromEntries([['at', new Date(5)], ...entries])))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    assert.ok(reader(bytes, view, 0, bytes.length, 0))
    assert.deepEqual(
      batch.columns.map((column) => column.get(0)),
      [5_000_000n, ...values.map(([, n]) => BigInt(n))],
    )
    for (let end = 0; end < bytes.length; end++) assert.ok(!reader(bytes, view, 0, end, 0))
  }
})
