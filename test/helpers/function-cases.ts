/**
 * Every aggregate function over every type of column that it takes, with values that are hard for
 * it: what the tests of the partials and of the engine run over.
 */
import fc from 'fast-check'
import { functionLabel, type AggregateFunction } from '../../src/model/aggregate-function.ts'
import type { DataType, Field, Value } from '../../src/model/types.ts'

export interface FunctionCase {
  readonly name: string
  readonly fn: AggregateFunction
  readonly field: Field
  readonly values: fc.Arbitrary<Value>
}

const int64 = fc.oneof(
  fc.bigInt({ min: -3n, max: 3n }),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  fc.constantFrom((1n << 63n) - 1n, -(1n << 63n), 1n << 32n, (1n << 53n) + 1n, 1n - (1n << 53n)),
)
const int32 = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.integer({ min: -0x80000000, max: 0x7fffffff }),
)
/** Few and many digits, near each other and far apart, that cancel and that overflow. */
const float64 = fc.oneof(
  fc.integer({ min: -9, max: 9 }).map((n) => n / 8),
  fc.integer({ min: -(10 ** 6), max: 10 ** 6 }).map((n) => n / 100),
  fc
    .tuple(fc.constantFrom(1, -1, 3, -5), fc.integer({ min: -1074, max: 1021 }))
    .map(([n, exponent]) => n * 2 ** exponent),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc
    .tuple(fc.constantFrom(1, -1), fc.constantFrom(2 ** 60, 2 ** 120, 2 ** -60, 2 ** -1074))
    .map(([sign, power]) => sign * power),
  fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE),
)
const float32 = fc.float({ noNaN: true, noDefaultInfinity: true })
const text = fc.oneof(
  fc.constantFrom('', 'a', '\u{1f600}', '\uffff'),
  fc.string({ unit: 'binary', maxLength: 3 }),
)
const lists = fc.array(fc.option(fc.bigInt({ min: -9n, max: 9n })), { maxLength: 3 })
const maps = fc
  .array(fc.tuple(fc.string({ maxLength: 2 }), fc.boolean()), { maxLength: 3 })
  .map((parts) => new Map(parts))

/** What a column never holds: a negative zero. */
const positive = (value: number): number => value + 0

const nullable = true
const element: DataType = { kind: 'Int64', nullable }
const kinds: Readonly<Record<string, { type: DataType; values: fc.Arbitrary<Value> }>> = {
  Int64: { type: { kind: 'Int64', nullable }, values: int64 },
  Int32: { type: { kind: 'Int32', nullable }, values: int32 },
  Float64: { type: { kind: 'Float64', nullable }, values: float64.map(positive) },
  Float32: { type: { kind: 'Float32', nullable }, values: float32.map(positive) },
  Timestamp: { type: { kind: 'Timestamp', nullable }, values: int64 },
  String: { type: { kind: 'String', nullable }, values: text },
  Bool: { type: { kind: 'Bool', nullable }, values: fc.boolean() },
  Array: { type: { kind: 'Array', nullable, element }, values: lists },
  Map: {
    type: { kind: 'Map', nullable, value: { kind: 'Bool', nullable: false } },
    values: maps,
  },
}

const numeric = ['Int64', 'Int32', 'Float64', 'Float32']
const ordered = [...numeric, 'Timestamp', 'String']
const scalar = [...ordered, 'Bool']
const all = Object.keys(kinds)

const functions: readonly (readonly [AggregateFunction, readonly string[]])[] = [
  [{ name: 'count' }, all],
  [{ name: 'sum' }, numeric],
  [{ name: 'mean' }, numeric],
  [{ name: 'var_pop' }, numeric],
  [{ name: 'var_samp' }, numeric],
  [{ name: 'stddev_pop' }, numeric],
  [{ name: 'stddev_samp' }, numeric],
  [{ name: 'min' }, ordered],
  [{ name: 'max' }, ordered],
  [{ name: 'first' }, all],
  [{ name: 'last' }, all],
  ...[1, 3].flatMap((n): (readonly [AggregateFunction, readonly string[]])[] => [
    [{ name: 'first_n', n }, all],
    [{ name: 'last_n', n }, all],
    [{ name: 'first_distinct_n', n }, scalar],
    [{ name: 'last_distinct_n', n }, scalar],
  ]),
  [{ name: 'approx_count_distinct', precision: 4 }, scalar],
  [{ name: 'approx_percentile', percentile: 0.07, precision: 20 }, numeric],
  [{ name: 'approx_percentile', percentile: 0.5, precision: 20 }, numeric],
]

export const functionCases: readonly FunctionCase[] = functions.flatMap(([fn, types]) =>
  types.map((kind): FunctionCase => {
    const { type, values } = kinds[kind]!
    const field: Field = { name: 'x', type }
    return { name: `${functionLabel(fn)} of ${kind}`, fn, field, values }
  }),
)
