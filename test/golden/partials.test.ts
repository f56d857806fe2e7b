/**
 * The cells of every partial and the stored forms of what they hold in the pool.
 *
 * When this fails, stored state has become unreadable: raise `slotFormat` and handle the old one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { functionLabel, type AggregateFunction } from '../../src/model/aggregate-function.ts'
import type { ScalarKind, Value } from '../../src/model/types.ts'
import { Tiles } from '../helpers/tiles.ts'

type Golden = readonly [AggregateFunction, ScalarKind, readonly Value[], readonly string[]]

const median = { name: 'approx_percentile', percentile: 0.5, precision: 20 } as const
const words = Array.from({ length: 65 }, (_, i) => `word ${i}`)
const roots = Array.from({ length: 22 }, (_, i) => Math.sqrt(i))

/** A function, the type of its column, values 5 ns apart from one another, and what they become. */
const goldens: readonly Golden[] = [
  // A sum of integers: 128 bits.
  [{ name: 'sum' }, 'Int64', [-1n, 1n << 40n], ['ffffffffff000000 0000000000000000']],
  [{ name: 'sum' }, 'Int64', [-1n, -(1n << 63n)], ['ffffffffffffff7f ffffffffffffffff']],
  // A sum of floats: high and low part, the place of what was spilled in units of 2^-1074.
  [
    { name: 'sum' },
    'Float64',
    [0.1, 0.2],
    ['343333333333d33f 00000000000080bc 0000000000000000', 'c0'],
  ],
  [
    { name: 'sum' },
    'Float64',
    [2 ** 900, 1, 2 ** -1070],
    ['0000000000003078 000000000000f03f 0000000000000000', 'a23136'],
  ],
  // The sum before the sum of squares in four doubles, and its spill in units of 2^-2148.
  [
    { name: 'var_pop' },
    'Float64',
    [0.1, 1e10],
    [
      'cdcc00205fa00242 00009899999999be 0000000000000000 408cb5781daf1544 ' +
        '7c14ae47e17a843f b81e85eb51b82ebc 0000000000000000 0000000000000000',
      'c0',
      'c0',
    ],
  ],
  [
    { name: 'var_pop' },
    'Float64',
    [2 ** -1074, 3],
    [
      '0000000000000840 0100000000000000 0000000000000000 0000000000002240 ' +
        '0000000000000000 0000000000000000 0000000000000000 0000000000000000',
      'c0',
      'a131',
    ],
  ],
  [
    { name: 'var_pop' },
    'Int64',
    [(1n << 62n) + 1n],
    [
      '0100000000000040 0000000000000000 000000000000b047 000000000000e043 ' +
        '000000000000f03f 0000000000000000 0000000000000000',
      'c0',
    ],
  ],
  [{ name: 'min' }, 'Float64', [3, 1, 2], ['000000000000f03f']],
  [{ name: 'max' }, 'String', ['a', '\u{1f600}'], ['0000000000000000', 'a4f09f9880']],
  // The value and the order of its time that another has to reach.
  [{ name: 'first' }, 'Int64', [-7n, 8n], ['f9ffffffffffffff 000000000000f03f']],
  [{ name: 'last' }, 'Float64', [7, 8], ['0000000000002040 0000000000001440']],
  // Times and values in turn; integers as floats where these are exact.
  [{ name: 'first_n', n: 2 }, 'String', ['a', 'b', 'c'], ['0000000000000000', '9400a16105a162']],
  [
    { name: 'last_n', n: 3 },
    'Int64',
    [1n, 1n << 40n, -(1n << 60n)],
    ['0000000000000000', '96000105cb42700000000000000ad3f000000000000000'],
  ],
  [
    { name: 'last_distinct_n', n: 2 },
    'Float32',
    [1, 0.5, 1],
    ['0000000000000000', '9405cb3fe00000000000000a01'],
  ],
  [
    { name: 'first_distinct_n', n: 3 },
    'Bool',
    [true, false, true],
    ['0000000000000000', '9400c305c2'],
  ],
  // Hashes in order; then a byte for each register.
  [
    { name: 'approx_count_distinct', precision: 4 },
    'String',
    ['a', 'b'],
    ['0000000000000000', '92cb4330b276d6978164cb4339cb56da16cb8c'],
  ],
  [
    { name: 'approx_count_distinct', precision: 4 },
    'String',
    words,
    ['0000000000000000', 'c41004010303060303040303030204020204'],
  ],
  // Values and counts in turn; then buckets and counts in turn, the smallest and the largest value.
  [median, 'Int32', [3, -1, 3], ['0000000000000000', '9194ff010302']],
  [
    median,
    'Float64',
    roots,
    [
      '0000000000000000',
      '93dc00260001cd435001cd435601cd435b01cd436001cd436101cd436301cd436501cd436601cd43' +
        '6801cd436901cd436a01cd436b01cd436c01cd436d01cd436e01cd437003cd437102cd43720100cb' +
        '4012548eb9151e85',
    ],
  ],
]

for (const [fn, kind, values, golden] of goldens) {
  test(`${functionLabel(fn)} of ${values.length} ${kind} is stored as it always was`, () => {
    const tiles = new Tiles({ fn, field: { name: 'x', type: { kind, nullable: true } }, tiles: 1 })
    tiles.update(
      1,
      values.map((value, i) => ({ value, offsetNs: 5 * i })),
    )
    assert.deepEqual(tiles.storedForm(1), golden)
  })
}
