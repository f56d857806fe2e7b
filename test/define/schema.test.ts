/** The schema of every type, over values at its edges, compiled, also after `structuredClone`. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Compile } from 'typebox/compile'
import { objectSchemaOf } from '../../src/define/schema.ts'
import { dataTypeOf, fieldsOf, t, type FieldSchema } from '../../src/define/types.ts'

const int64Max = 2n ** 63n - 1n
const dayNs = 86_400_000_000_000n

const cases: Record<string, { schema: FieldSchema; good: unknown[]; bad: unknown[] }> = {
  Int64: {
    schema: t.Int64(),
    good: [0n, int64Max, -int64Max - 1n],
    bad: [0, '0', int64Max + 1n, -int64Max - 2n, null],
  },
  Int32: {
    schema: t.Int32(),
    good: [0, 2147483647, -2147483648],
    bad: [2147483648, -2147483649, 0.5, 0n, null],
  },
  Float64: {
    schema: t.Float64(),
    good: [0, -1.5, Number.MAX_VALUE],
    bad: [NaN, Infinity, -Infinity, 1n, '1', null],
  },
  Float32: { schema: t.Float32(), good: [0, 3.4028234663852886e38], bad: [3.5e38, NaN] },
  String: { schema: t.String(), good: ['', 'é'], bad: [1, null, ['a']] },
  Bool: { schema: t.Bool(), good: [true, false], bad: [0, 'true', null] },
  Timestamp: {
    schema: t.Timestamp(),
    good: [0n, 1n, -1n],
    bad: [0, new Date(0), '1970-01-01', -80_000n * dayNs, 90_000n * dayNs],
  },
  Array: { schema: t.Array(t.Int32()), good: [[], [1]], bad: [[1n], ['a'], {}, null, [null]] },
  Struct: {
    schema: t.Struct({ a: t.Int32(), b: t.nullable(t.String()) }),
    good: [
      { a: 1, b: null },
      { a: 1, b: 'x' },
    ],
    bad: [{ a: 1 }, { a: 1, b: null, c: 1 }, { b: null }, [], null, new Map()],
  },
  Map: {
    schema: t.Map(t.Int32()),
    good: [new Map(), new Map([['a', 1]])],
    bad: [{}, { a: 1 }, [], null, new Set()],
  },
  nullable: { schema: t.nullable(t.Int64()), good: [null, 1n], bad: [1, undefined, 'x'] },
  'nullable Map': { schema: t.nullable(t.Map(t.Int32())), good: [null, new Map()], bad: [{}] },
}

describe('the schema of a type', () => {
  for (const [name, { schema, good, bad }] of Object.entries(cases)) {
    it(`${name} accepts its canonical values and no others`, () => {
      for (const check of [Compile(schema), Compile(structuredClone(schema))]) {
        for (const value of good) assert.equal(check.Check(value), true, `good: ${String(value)}`)
        for (const value of bad) assert.equal(check.Check(value), false, `bad: ${String(value)}`)
      }
    })
  }

  it('carries its data type as plain data', () => {
    const schema = t.nullable(t.Array(t.Struct({ at: t.Timestamp(), by: t.Map(t.Bool()) })))
    assert.deepEqual(dataTypeOf(structuredClone(schema)), {
      kind: 'Array',
      nullable: true,
      element: {
        kind: 'Struct',
        nullable: false,
        fields: [
          { name: 'at', type: { kind: 'Timestamp', nullable: false } },
          {
            name: 'by',
            type: { kind: 'Map', nullable: false, value: { kind: 'Bool', nullable: false } },
          },
        ],
      },
    })
  })

  it('is refused when it was not made with t', () => {
    for (const other of [undefined, null, 'String', {}, { type: 'string' }]) {
      assert.throws(() => dataTypeOf(other), { code: 'DEFINITION_INVALID' })
    }
  })

  it('of an object is closed for events, open for rows, and takes null-prototype objects', () => {
    const fields = fieldsOf({ a: t.Int32() })
    const value = Object.assign(Object.create(null) as object, { a: 1, b: 2 })
    assert.equal(Compile(objectSchemaOf(fields, 'closed')).Check(value), false)
    assert.equal(Compile(objectSchemaOf(fields, 'open')).Check(value), true)
  })
})
