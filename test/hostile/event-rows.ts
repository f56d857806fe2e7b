/**
 * Bad events, byte by byte: each is sent between two good ones, and rejected for itself or counted.
 */
import { encode } from '@msgpack/msgpack'
import { eventBytesMax } from '../../src/base/limits.ts'
import { marker, noonMs } from '../helpers/bystander.ts'
import { bytesOf, mapOf, stringForm } from '../helpers/msgpack-forms.ts'
import type { Row } from './rows.ts'

export interface EventRow extends Row {
  readonly event: Uint8Array
  /** Its code and path; null where it counts. */
  readonly outcome: readonly [code: string, path: string] | null
}

type Field = readonly [name: Uint8Array, value: Uint8Array]

const dayMs = 86_400_000

function text(name: string): Uint8Array {
  return stringForm(name, 0)
}

/** An order with some of its fields as these bytes, and fields behind them. */
function order(changed: Readonly<Record<string, Uint8Array>>, ...more: readonly Field[]): Buffer {
  const fields = {
    user_id: encode(1),
    store: encode('a'),
    at: encode(noonMs - 1000),
    amount: encode(1),
    ...changed,
  }
  return mapOf([
    ...Object.entries(fields).map(([name, value]): Field => [text(name), value]),
    ...more,
  ])
}

function hex(bytes: string): Uint8Array {
  return Buffer.from(bytes.replaceAll(' ', ''), 'hex')
}

const undecoded = ['EVENT_DECODE', ''] as const

function row(id: string, what: string, event: Uint8Array, outcome: EventRow['outcome']): EventRow {
  return { id, what, event, outcome }
}

/** A field with a value, by its name. */
function field(
  id: string,
  what: string,
  changed: Readonly<Record<string, unknown>>,
  code: string | null,
): EventRow {
  const bytes = Object.entries(changed).map(([name, value]): [string, Uint8Array] => [
    name,
    value instanceof Uint8Array ? value : encode(value, { useBigInt64: true }),
  ])
  const path = `/${Object.keys(changed)[0]}`
  return row(id, what, order(Object.fromEntries(bytes)), code === null ? null : [code, path])
}

const structure: readonly EventRow[] = [
  row('M8', 'an extension that is not known', order({ store: hex('d4 05 00') }), undecoded),
  row(
    'M8',
    'an event with an extension with a long head',
    order({ store: hex('c9 00 00 00 01 05 00') }),
    undecoded,
  ),
  row('M9', 'a timestamp of 2 bytes', order({ at: hex('d5 ff 00 00') }), undecoded),
  row(
    'M9',
    'a second of nanoseconds',
    order({ at: hex('d7 ff ff ff ff fc 00 00 00 00') }),
    undecoded,
  ),
  row(
    'M9',
    'the last second of 64 bits',
    order({ at: hex('c7 0c ff 00 00 00 00 7f ff ff ff ff ff ff ff') }),
    ['EVENT_TIME', '/at'],
  ),
  row('M10', '__proto__', order({}, [text('__proto__'), hex('80')]), undecoded),
  row(
    'M10',
    '__proto__ below',
    order({}, [text('x'), mapOf([[text('__proto__'), hex('80')]])]),
    undecoded,
  ),
  ...['constructor', 'prototype', 'toString', 'hasOwnProperty'].map((name) =>
    row('M11', name, order({}, [text(name), hex('01')]), ['EVENT_FIELD_UNKNOWN', `/${name}`]),
  ),
  row('M13', 'a key that is nil', order({}, [hex('c0'), hex('01')]), undecoded),
  row('M13', 'a key that is a map', order({}, [hex('80'), hex('01')]), undecoded),
  row('M13', 'a key that is a binary', order({}, [hex('c4 01 61'), hex('01')]), undecoded),
  row(
    'M13',
    'a key that is a float',
    order({}, [hex('cb 3f f8 00 00 00 00 00 00'), hex('01')]),
    undecoded,
  ),
  row('M14', 'a field that comes twice', order({}, [text('store'), text('b')]), undecoded),
  row('M14', 'one in a longer form', order({}, [stringForm('store', 2), text('b')]), undecoded),
  row(
    'M15',
    '100,000 fields',
    encode(Object.fromEntries(Array.from({ length: 1e5 }, (_, n) => [`k${n}`, n]))),
    ['EVENT_TOO_LARGE', ''],
  ),
]

const keys: readonly EventRow[] = [
  ...['a2 ff fe', 'a2 c0 af', 'a3 ed a0 80', 'a3 ef bb bf'].map((bytes) =>
    row('M16', `the key ${bytes}`, order({ store: hex(bytes) }), undecoded),
  ),
  row('M17', 'two ways to write a slash, the right one', order({ store: text('/') }), null),
  row(
    'M17',
    'two ways to write a slash, the wrong one',
    order({ store: hex('a2 c0 af') }),
    undecoded,
  ),
  field('M19', 'an empty key', { store: '' }, 'EVENT_KEY'),
  field('M19', 'a key of 1,979 bytes', { store: 'x'.repeat(1979) }, 'EVENT_KEY'),
  field('M19', 'a key of 4,097 bytes', { store: 'x'.repeat(4097) }, 'EVENT_KEY'),
  field('M20', 'a key in an array', { user_id: ['1'] }, 'EVENT_FIELD_TYPE'),
  field('M20', 'a key that is a number and text', { store: 1 }, 'EVENT_FIELD_TYPE'),
]

const values: readonly EventRow[] = [
  ...[Number.NaN, Infinity, -Infinity].map((value) =>
    field('M21', `${value}`, { amount: value }, 'EVENT_FIELD_RANGE'),
  ),
  field('M22', 'a negative zero', { amount: -0 }, null),
  field('M23', '2^53 + 1', { amount: 2n ** 53n + 1n }, null),
  field('M23', '2^64 - 1', { amount: 2n ** 64n - 1n }, 'EVENT_FIELD_RANGE'),
  field('M23', '-2^63', { amount: -(2n ** 63n) }, null),
  field('M25', 'a fraction', { amount: 1.5 }, 'EVENT_FIELD_TYPE'),
  field('M25', 'digits', { amount: '5' }, null),
  field('M26', 'nil for what may be nil', { amount: null }, null),
  field('M26', 'nil for what may not', { store: null }, 'EVENT_FIELD_TYPE'),
  field('M27', 'a field too many', { [marker]: 1 }, 'EVENT_FIELD_UNKNOWN'),
  field('M27', 'a wrong type', { amount: marker }, 'EVENT_FIELD_TYPE'),
  row('M27', 'a field too few', encode({ user_id: 1, at: noonMs }), [
    'EVENT_FIELD_MISSING',
    '/store',
  ]),
  row('M28', '64 KiB of text', order({ store: encode('x'.repeat(eventBytesMax)) }), [
    'EVENT_TOO_LARGE',
    '',
  ]),
  row('M32', 'one byte too many', Buffer.alloc(eventBytesMax + 1, 0x80), ['EVENT_TOO_LARGE', '']),
  field('M37', 'a wrong type of 60 KB', { user_id: marker.repeat(10_000) }, 'EVENT_FIELD_TYPE'),
]

const times: readonly EventRow[] = [
  field('M29', 'a ms before 1970', { at: -1 }, 'EVENT_TOO_LATE'),
  field('M29', '1970', { at: 0 }, 'EVENT_TOO_LATE'),
  field('M29', '2^53 ms', { at: 2n ** 53n }, 'EVENT_TIME'),
  field('M29', 'tomorrow', { at: noonMs + dayMs }, 'EVENT_IN_FUTURE'),
  field('M29', 'ten years ago', { at: noonMs - 3650 * dayMs }, 'EVENT_TOO_LATE'),
  field('M29', 'no number', { at: Number.NaN }, 'EVENT_TIME'),
  field('M29', 'the thirteenth month', { at: '2026-13-01T00:00:00Z' }, 'EVENT_TIME'),
  field('P16', 'a clock that is ten years ahead', { at: noonMs + 3650 * dayMs }, 'EVENT_IN_FUTURE'),
]

export const eventRows: readonly EventRow[] = [...structure, ...keys, ...values, ...times]

/** Keys that a terminal or a reader would take for something else: they are kept as they are. */
export const oddKeys: readonly string[] = [
  'nul\0nul',
  'line\r\nline',
  '\u001b[2J',
  'right\u202eleft',
  'caf\u00e9',
  'cafe\u0301',
  `<img src=x onerror=alert(1)>`,
  '=HYPERLINK("x")',
]

/** Bytes of an order of one store. */
export function orderOfStore(store: string): Uint8Array {
  return bytesOf(order({ store: encode(store) }))
}
