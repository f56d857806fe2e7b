import assert from 'node:assert/strict'
import { test } from 'node:test'
import { futureMsMax, transformRowsMax } from '../../src/base/limits.ts'
import type { Transform } from '../../src/model/catalog.ts'
import { MsgpackTimestamp } from '../../src/model/msgpack.ts'
import type { Rejection } from '../../src/model/rejection.ts'
import type { RowBatch } from '../../src/model/rows.ts'
import { createRouteValidator, type RouteValidator } from '../../src/validate/route-validator.ts'
import { catalogOf, field, sectionOf, sourceOf, type ViewSpec } from '../helpers/event-catalog.ts'

const arrivalMs = 1_700_000_000_000

const user = field('user', 'String')
const at = field('at', 'Timestamp')
const count = field('count', 'Int64')
const price = field('price', 'Float64', true)
const source = sourceOf([user, at, count, price])

function event(change: Record<string, unknown> = {}): Record<string, unknown> {
  return { user: 'ada', at: arrivalMs, count: 1, ...change }
}

function validatorOf(...views: ViewSpec[]): RouteValidator {
  const catalog = catalogOf(source, views)
  return createRouteValidator(catalog, catalog.routes[0]!)
}

function read(validator: RouteValidator, events: readonly unknown[]): Rejection[] {
  const { section, buffers } = sectionOf(events, arrivalMs)
  const rejections: Rejection[] = []
  validator.begin(buffers, section.events)
  validator.readSection(section, rejections)
  return rejections
}

/** The rows of a batch as objects: the place of the event and every column. */
function rowsIn(rows: RowBatch): Record<string, unknown>[] {
  return Array.from({ length: rows.count }, (_, i) => {
    const values = rows.columns.map(({ name, kind, isNull, floats, high, low, values }) => {
      if (isNull[i] === 1) return [name, null]
      if (kind === 'float') return [name, floats[i]]
      if (kind === 'value') return [name, values[i]]
      return [name, BigInt(high[i]!) * 2n ** 32n + BigInt(low[i]!)]
    })
    return { event: rows.eventIndex[i], ...(Object.fromEntries(values) as object) }
  })
}

const plain: ViewSpec = { name: 'plain', columns: [count] }

/** A view whose transform is `transform`, with the column `n`. */
function transformed(name: string, transform: unknown): ViewSpec {
  return { name, columns: [field('n', 'Int64')], transform: transform as Transform }
}

test('good events become rows, bad ones rejections, by their place in the batch', () => {
  const validator = validatorOf(plain)
  const rejections = read(validator, [
    event({ count: 10 }),
    event({ count: 'x' }),
    event({ count: -(2n ** 63n) }),
    Uint8Array.of(0xc1),
    event({ count: 2n ** 63n - 1n }),
  ])
  assert.deepEqual(rowsIn(validator.rowsOf(0)), [
    { event: 0, count: 10n },
    { event: 2, count: -(2n ** 63n) },
    { event: 4, count: 2n ** 63n - 1n },
  ])
  assert.deepEqual(rejections, [
    {
      index: 1,
      code: 'EVENT_FIELD_TYPE',
      path: '/count',
      message: 'expected Int64, got string',
    },
    {
      index: 3,
      code: 'EVENT_DECODE',
      path: '',
      message: 'not a valid event: byte 0xc1 is not allowed',
    },
  ])
})

test('a row keeps the key, its hash and the time of its event', () => {
  const validator = validatorOf(plain)
  read(validator, [
    event({ at: new MsgpackTimestamp(-1n) }),
    event({ count: null }),
    event({ at: '2023-05-01T00:00:00.000001002Z', price: 1 }),
  ])
  const rows = validator.rowsOf(0)
  assert.equal(rows.count, 2)
  assert.deepEqual([...rows.eventIndex.subarray(0, 2)], [0, 2])
  assert.deepEqual([...rows.timeMs.subarray(0, 2)], [-1, 1_682_899_200_000])
  assert.deepEqual([...rows.timeNs.subarray(0, 2)], [999_999, 1002])
  assert.deepEqual([...rows.keyHash.subarray(0, 2)], [7000, 7002])
  for (const [i, key] of [0, 2].entries()) {
    assert.deepEqual([...rows.bytes.subarray(rows.keyStart[i], rows.keyEnd[i])], [key])
  }
})

test('views without a transform share one batch with the columns of all', () => {
  const validator = validatorOf(plain, { name: 'other', columns: [price, count, user] })
  read(validator, [event({ price: 0.5 }), event({ price: null })])
  assert.equal(validator.rowsOf(0), validator.rowsOf(1))
  assert.deepEqual(rowsIn(validator.rowsOf(1)), [
    { event: 0, count: 1n, price: 0.5, user: 'ada' },
    { event: 1, count: 1n, price: null, user: 'ada' },
  ])
})

test('batches are the same objects for every section, without the rows before', () => {
  const validator = validatorOf(
    plain,
    transformed('double', () => [{ n: 1n }, { n: 2n }]),
  )
  const batches = [validator.rowsOf(0), validator.rowsOf(1)]
  read(
    validator,
    Array.from({ length: 200 }, () => event()),
  )
  assert.deepEqual(
    batches.map(({ count }) => count),
    [200, 400],
  )
  const { timeMs } = batches[0]!
  read(validator, [event({ count: 5 })])
  assert.deepEqual([validator.rowsOf(0), validator.rowsOf(1)], batches)
  assert.deepEqual(rowsIn(batches[0]!), [{ event: 0, count: 5n }])
  assert.equal(batches[1]!.count, 2)
  assert.equal(batches[0]!.timeMs, timeMs)
  read(validator, [])
  assert.equal(batches[0]!.count, 0)
})

test('an event is in the future when its time is past its arrival by more than the limit', () => {
  const validator = validatorOf(plain)
  const limitNs = BigInt(arrivalMs + futureMsMax) * 1_000_000n
  const rejections = read(validator, [
    event({ at: new MsgpackTimestamp(limitNs) }),
    event({ at: new MsgpackTimestamp(limitNs + 1n) }),
    event({ at: arrivalMs + 86_400_000 }),
    event({ at: arrivalMs - 10 * 366 * 86_400_000 }),
  ])
  assert.deepEqual(
    rejections.map(({ index, code, path }) => [index, code, path]),
    [
      [1, 'EVENT_IN_FUTURE', '/at'],
      [2, 'EVENT_IN_FUTURE', '/at'],
    ],
  )
  assert.equal(rejections[1]?.message, 'event time is 86400000 ms ahead of the server')
  assert.deepEqual([...validator.rowsOf(0).eventIndex.subarray(0, 2)], [0, 3])
})

test('a transform makes a row, several or none', () => {
  const n = (event: Readonly<Record<string, unknown>>): bigint => event['count'] as bigint
  const validator = validatorOf(
    transformed('several', (event: Readonly<Record<string, unknown>>) => {
      if (n(event) === 0n) return null
      return Array.from({ length: Number(n(event)) }, (_, i) => ({ n: BigInt(i), more: 'kept' }))
    }),
    transformed('one', (event: Readonly<Record<string, unknown>>) => ({ n: n(event) + 1n })),
  )
  const rejections = read(validator, [event({ count: 0 }), event({ count: 3 })])
  assert.deepEqual(rejections, [])
  assert.deepEqual(rowsIn(validator.rowsOf(0)), [
    { event: 1, n: 0n },
    { event: 1, n: 1n },
    { event: 1, n: 2n },
  ])
  assert.deepEqual(rowsIn(validator.rowsOf(1)), [
    { event: 0, n: 1n },
    { event: 1, n: 4n },
  ])
})

test('an event whose transform fails counts for no view of the route', () => {
  const validator = validatorOf(
    plain,
    transformed('before', () => [{ n: 1n }, { n: 2n }]),
    transformed('fails', (event: Readonly<Record<string, unknown>>) => {
      if (event['count'] === 2n) throw new Error('no twos')
      return { n: 0n }
    }),
    transformed('after', () => ({ n: 3n })),
  )
  const rejections = read(validator, [event(), event({ count: 2 }), event()])
  assert.deepEqual(rejections, [
    {
      index: 1,
      code: 'TRANSFORM_FAILED',
      path: '',
      message: 'transform of "fails" failed: no twos',
    },
  ])
  for (let view = 0; view < 4; view++) {
    const events = rowsIn(validator.rowsOf(view)).map(({ event }) => event)
    assert.deepEqual([...new Set(events)], [0, 2])
  }
  assert.equal(validator.rowsOf(1).count, 4)
})

test('rows that do not fit the view fail the transform', () => {
  const cases: [unknown, RegExp][] = [
    [{ n: 'one' }, /row\/n: expected Int64, got string/],
    [{ n: '1' }, /row\/n: expected Int64, got string/],
    [{ n: null }, /row\/n: expected Int64, got null/],
    [{}, /row\/n: required field is missing/],
    [[{ n: 1n }, { n: 1.5 }], /row 1\/n: expected Int64, got float/],
    [[[{ n: 1n }]], /row 0: expected a row or null, got array/],
    [[null], /row 0: expected a row or null, got null/],
    [undefined, /row: expected a row or null, got undefined/],
    [5, /row: expected a row or null, got number/],
    [Promise.resolve({ n: 1n }), /it returned a promise/],
    [Promise.reject(new Error('later')), /it returned a promise/],
    [new Map([['n', 1n]]), /row: expected a row or null/],
    [Array(transformRowsMax + 1).fill({ n: 1n }), /more than 1000 rows/],
  ]
  for (const [result, message] of cases) {
    const validator = validatorOf(transformed('odd', () => result))
    const rejections = read(validator, [event()])
    assert.equal(rejections[0]?.code, 'TRANSFORM_FAILED')
    assert.match(rejections[0].message, message)
    assert.equal(validator.rowsOf(0).count, 0)
  }
})

test('a row is checked by the row schema as well', () => {
  const spec = transformed('strict', () => ({ n: 1n, label: 5 }))
  const validator = validatorOf({ ...spec, rowFields: [...spec.columns, field('label', 'String')] })
  const rejections = read(validator, [event()])
  assert.match(rejections[0]!.message, /row\/label: expected what "type" of the schema allows/)
  assert.equal(validator.rowsOf(0).count, 0)
})

test('a transform cannot change the event that others see', () => {
  const validator = validatorOf(
    plain,
    transformed('changes', (event: Record<string, unknown>) => {
      event['count'] = 99n
      return { n: 1n }
    }),
  )
  const rejections = read(validator, [event()])
  assert.match(rejections[0]!.message, /read only property 'count'/)
})

const text = { kind: 'String', nullable: false } as const
const list = { kind: 'Array', element: text, nullable: false } as const
const lists = { kind: 'Map', value: list, nullable: false } as const
const struct = { kind: 'Struct', fields: [field('inner', lists)], nullable: false } as const
const labels = field('labels', lists)
const nested = field('nested', { kind: 'Array', element: struct, nullable: false })

type Labels = Map<string, string[]>
/** The parts of an event as a transform in JavaScript may take them. */
interface Parts {
  readonly labels: Labels
  readonly nested: { inner: Labels }[]
}

/** What one event gives a view as it is, place 0, and one with a transform. */
function readParts(change: (event: Parts) => unknown): [RouteValidator, Rejection[]] {
  const catalog = catalogOf(sourceOf([user, at, labels, nested]), [
    { name: 'plain', columns: [labels, nested] },
    { ...transformed('changes', change), columns: [labels] },
  ])
  const validator = createRouteValidator(catalog, catalog.routes[0]!)
  const parts = { labels: { a: ['x'] }, nested: [{ inner: { b: ['y'] } }] }
  return [validator, read(validator, [{ user: 'ada', at: arrivalMs, ...parts }])]
}

test('a transform cannot change the maps of an event either, nor what is within its parts', () => {
  const changes: [(event: Parts) => unknown, RegExp][] = [
    [({ labels }) => labels.set('a', ['z']), /a map of the event is read-only; .* new Map\(map\)/],
    [({ labels }) => labels.delete('a'), /a map of the event is read-only/],
    [({ labels }) => labels.clear(), /a map of the event is read-only/],
    [({ labels }) => Object.assign(labels, { set: null }), /read only property 'set'/],
    [({ labels }) => labels.get('a')!.push('z'), /not extensible/],
    [({ nested }) => nested.pop(), /delete property/],
    [({ nested }) => (nested[0]!.inner = new Map()), /read only property 'inner'/],
    [({ nested }) => nested[0]!.inner.set('b', ['z']), /a map of the event is read-only/],
    [({ nested }) => (nested[0]!.inner.get('b')![0] = 'z'), /read only property '0'/],
  ]
  for (const [change, message] of changes) {
    const [, [rejected]] = readParts(change)
    assert.equal(rejected?.code, 'TRANSFORM_FAILED')
    assert.match(rejected.message, message)
    // One that goes on regardless has changed nothing of what others store.
    const [validator, rejections] = readParts((event) => {
      assert.throws(() => change(event), TypeError)
      return { labels: event.labels }
    })
    assert.deepEqual(rejections, [])
    const kept = new Map([['a', ['x']]])
    const inner = Object.assign(Object.create(null), { inner: new Map([['b', ['y']]]) }) as object
    assert.deepEqual(rowsIn(validator.rowsOf(0)), [{ event: 0, labels: kept, nested: [inner] }])
    assert.deepEqual(rowsIn(validator.rowsOf(1)), [{ event: 0, labels: kept }])
  }
})

test('a transform may change copies of the parts of an event, and return them', () => {
  const [validator, rejections] = readParts(({ labels, nested }) => {
    const copy = new Map([...labels, ...nested[0]!.inner])
    return { labels: copy.set('c', [...copy.get('a')!, 'z']) }
  })
  assert.deepEqual(rejections, [])
  assert.deepEqual(rowsIn(validator.rowsOf(1)), [
    { event: 0, labels: new Map(Object.entries({ a: ['x'], b: ['y'], c: ['x', 'z'] })) },
  ])
  assert.deepEqual(rowsIn(validator.rowsOf(0))[0]!['labels'], new Map([['a', ['x']]]))
})

test('whatever a transform throws, the next event is read', () => {
  const thrown: unknown[] = [
    new Error('plain'),
    'text',
    undefined,
    null,
    Object.create(null),
    {
      toString() {
        throw new Error('again')
      },
    },
  ]
  let n = 0
  const validator = validatorOf(
    transformed('throws', () => {
      throw thrown[n++]
    }),
  )
  const rejections = read(
    validator,
    thrown.map(() => event()),
  )
  assert.equal(rejections.length, thrown.length)
  for (const { code } of rejections) assert.equal(code, 'TRANSFORM_FAILED')
})

test('a transform that recurses without end fails like any other', () => {
  const forever = (): unknown => forever()
  const rejections = read(validatorOf(transformed('deep', forever)), [event()])
  assert.equal(rejections[0]?.code, 'TRANSFORM_FAILED')
})

test('every event may be bad', () => {
  const validator = validatorOf(plain)
  const rejections = read(validator, [{}, {}, {}])
  assert.deepEqual(
    rejections.map(({ index }) => index),
    [0, 1, 2],
  )
  assert.equal(validator.rowsOf(0).count, 0)
})
