/**
 * The values that the reference of types shows, by the types that they are put to.
 */
import type { DataType, ScalarKind } from '../../src/model/types.ts'
import { eventBytesMax, eventDepthMax, eventNodesMax } from '../../src/base/limits.ts'
import { bytesOf, timestampParts } from './msgpack-forms.ts'
import {
  array,
  binary,
  bool,
  encoded,
  extension,
  float,
  inMsgpack,
  int,
  json,
  map,
  nested,
  nil,
  single,
  text,
  textOfBytes,
  timestamp,
  type Sample,
} from './samples.ts'

export function scalarOf(kind: ScalarKind, nullable = false): DataType {
  return { kind, nullable }
}

function listOf(element: DataType): DataType {
  return { kind: 'Array', element, nullable: false }
}

function mapOf(value: DataType): DataType {
  return { kind: 'Map', value, nullable: false }
}

function structOf(fields: Readonly<Record<string, DataType>>): DataType {
  const list = Object.entries(fields).map(([name, type]) => ({ name, type }))
  return { kind: 'Struct', fields: list, nullable: false }
}

const int64 = scalarOf('Int64')

/** Every type, by the name that it has in the overview. */
export const everyType: Readonly<Record<string, DataType>> = {
  Int64: int64,
  Int32: scalarOf('Int32'),
  Float64: scalarOf('Float64'),
  Float32: scalarOf('Float32'),
  String: scalarOf('String'),
  Bool: scalarOf('Bool'),
  Timestamp: scalarOf('Timestamp'),
  Array: listOf(int64),
  Struct: structOf({ a: int64 }),
  Map: mapOf(int64),
}

/** One value of every kind that the wire has. */
export const everyKind: readonly Sample[] = [
  bool(true),
  int(5n),
  float('1.5'),
  float('NaN'),
  text('5'),
  text('2024-05-01T12:00:00Z'),
  binary('61'),
  timestamp(1_714_564_800_000_000_001n),
  extension(5, '00'),
  array(int(5n)),
  map(['a', int(5n)]),
]

export const numberTypes = ['Int64', 'Int32', 'Float64', 'Float32'] as const

export const numbers: readonly Sample[] = [
  int(0n),
  int(-5n),
  int(2n ** 24n + 1n),
  int(2n ** 31n - 1n),
  int(2n ** 31n),
  int(-(2n ** 31n)),
  int(-(2n ** 31n) - 1n),
  int(2n ** 53n - 1n),
  int(2n ** 53n),
  int(2n ** 53n + 1n),
  int(-(2n ** 53n) - 1n),
  int(2n ** 63n - 1n),
  int(-(2n ** 63n)),
  int(2n ** 63n),
  int(2n ** 64n - 1n),
  json('9007199254740992'),
  json('9007199254740993'),
  json('18446744073709551615'),
  float('5.0'),
  float('5e3'),
  float('-0.0'),
  float('-1.5'),
  float('0.1'),
  single('0.1'),
  json('1.00000000000000000001'),
  float('9007199254740991.0'),
  float('9007199254740992.0'),
  float('-9007199254740992.0'),
  float('9223372036854775808.0'),
  float('3.4028234663852886e+38'),
  float('3.4028235e+38'),
  float('3.5e+38'),
  float('1e-50'),
  float('5e-324'),
  float('1e+300'),
  json('1e400'),
  float('Infinity'),
  float('-Infinity'),
  text('-5'),
  text('-0'),
  text('2147483648'),
  text('9007199254740993'),
  text('9223372036854775807'),
  text('9223372036854775808'),
  text('1000000000000000000000'),
  text(''),
  text('05'),
  text('+5'),
  text(' 5'),
  text('5.0'),
  text('1e3'),
  text('0x5'),
  text('NaN'),
  bool(false),
]

export const textTypes = ['String', 'Bool'] as const

export const texts: readonly Sample[] = [
  text(''),
  text('text'),
  text('more than 31 bytes of plain ASCII'),
  text('\u00e9'),
  text('e\u0301'),
  text('\u{1f600}'),
  text('a\u0000\r\n\u001b\u202e'),
  text('a\ufeff'),
  json('"\\ufeffa"'),
  textOfBytes('ef bb bf 61'),
  json('"a\\ud800"'),
  textOfBytes('61 ed a0 80'),
  textOfBytes('ff fe'),
  textOfBytes('c0 af'),
  binary(''),
  int(0n),
  int(1n),
  float('1.0'),
  bool(false),
  text('true'),
]

export const timeTypes = ['Timestamp'] as const

const timeTexts = [
  '2024-05-01T12:00:00.5Z',
  '2024-05-01T12:00:00.123456789Z',
  '2024-05-01T12:00:00.1234567890Z',
  '2024-05-01T12:00:00.000000000001Z',
  '2024-05-01T12:00:00',
  '2024-05-01T12:00',
  '2024-05-01T12:00Z',
  '2024-05-01T12:00:00+02:00',
  '2024-05-01T12:00:00-23:59',
  '2024-05-01T12:00:00-00:00',
  '2024-05-01T12:00:00+24:00',
  '2024-05-01T12:00:00+0200',
  '2024-05-01T12:00:00+02',
  '2024-05-01t12:00:00z',
  '2024-05-01 12:00:00+00:00',
  '2024-05-01_12:00:00Z',
  '2024-05-01T12:00:00.Z',
  '2024-05-01T12:00:00,5Z',
  '2024-05-01T12:00.5Z',
  '2024-05-01T24:00:00Z',
  '2016-12-31T23:59:60Z',
  '2024-02-29T00:00:00Z',
  '2023-02-29T00:00:00Z',
  '2024-13-01T00:00:00Z',
  '2024-05-01',
  '20240501T120000Z',
  '1 May 2024 12:00:00 GMT',
  ' 2024-05-01T12:00:00Z',
  '1900-01-01T00:00:00Z',
  '1899-12-31T23:59:59.999999999Z',
  '2200-01-01T00:00:00Z',
  '2200-01-01T00:00:00.000000001Z',
  '2200-01-01T01:00:00+01:00',
  '+12024-05-01T12:00:00Z',
  '1714564800000',
  '',
]

export const times: readonly Sample[] = [
  timestamp(0n),
  timestamp(1n),
  timestamp(-1n),
  timestamp(1_714_564_800_123_456_789n),
  timestamp(-2_208_988_800_000_000_000n),
  timestamp(-2_208_988_800_000_000_001n),
  timestamp(7_258_118_400_000_000_000n),
  timestamp(7_258_118_400_000_000_001n),
  timestamp((2n ** 63n - 1n) * 1_000_000_000n, 'of second 2^63 - 1'),
  encoded('a timestamp with 1000000000 ns', ...timestampParts(0n, 1_000_000_000n)),
  extension(-1, '00 00'),
  extension(-1, '00 00 00 00 00 00 00 00 00 00 00 00 00'),
  encoded('an ext whose length takes 32 bits', bytesOf(0xc9, 0, 0, 0, 4, 0xff, 0, 0, 0, 0)),
  int(0n),
  int(-1n),
  int(1_714_564_800_000n),
  int(1_714_564_800n),
  int(1_714_564_800_000_000n),
  int(1_714_564_800_000_000_000n),
  int(-2_208_988_800_000n),
  int(-2_208_988_800_001n),
  int(7_258_118_400_000n),
  int(7_258_118_400_001n),
  int(2n ** 64n - 1n),
  float('1714564800000.0'),
  float('1714564800000.5'),
  float('-0.0'),
  float('1e+300'),
  float('Infinity'),
  ...timeTexts.map((each) => text(each)),
]

/** Types of containers, as they are written with `t`. */
export const containerTypes: Readonly<Record<string, DataType>> = {
  'Array(Int64)': listOf(int64),
  'Array(nullable(Int64))': listOf(scalarOf('Int64', true)),
  'Array(Array(String))': listOf(listOf(scalarOf('String'))),
  'Struct({ a: Int64, b: nullable(String) })': structOf({
    a: int64,
    b: scalarOf('String', true),
  }),
  'Struct({ toString: nullable(Int64) })': structOf({ toString: scalarOf('Int64', true) }),
  'Map(Int64)': mapOf(int64),
  'Map(nullable(Int64))': mapOf(scalarOf('Int64', true)),
  'Map(Array(Struct({ a: Int64 })))': mapOf(listOf(structOf({ a: int64 }))),
}

/** What is put to which of them. */
export const containers: Readonly<Record<keyof typeof containerTypes, readonly Sample[]>> = {
  'Array(Int64)': [
    array(),
    array(int(1n), text('2'), float('3.0')),
    array(int(1n), float('1.5')),
    array(nil),
    map(),
    text('[]'),
  ],
  'Array(nullable(Int64))': [array(int(1n), nil)],
  'Array(Array(String))': [array(array(text('a')), array()), array(array(), array(text('a'), nil))],
  'Struct({ a: Int64, b: nullable(String) })': [
    map(['a', int(1n)], ['b', text('x')]),
    map(['b', text('x')], ['a', text('1')]),
    map(['a', int(1n)]),
    map(['a', int(1n)], ['b', nil]),
    map(),
    map(['a', nil]),
    map(['a', bool(true)]),
    map(['a', int(1n)], ['c', int(2n)]),
    map(['a', int(1n)], ['A', int(2n)]),
    map(['a', int(1n)], ['constructor', int(2n)]),
    map(['a', int(1n)], ['a', int(2n)]),
    json('{"a": 1, "a": 2}'),
    inMsgpack(map(['a', int(1n)], ['__proto__', map()])),
    json('{"a": 1, "__proto__": {}}'),
    map(['a', int(1n)], [int(5n), int(2n)]),
    array(int(1n), text('x')),
  ],
  'Struct({ toString: nullable(Int64) })': [map(), map(['toString', int(1n)])],
  'Map(Int64)': [
    map(),
    map(['a', int(1n)], ['b', text('2')]),
    map(['', int(1n)]),
    map(['constructor', int(1n)], ['toString', int(2n)]),
    map(['1', int(1n)], ['0', int(2n)]),
    map(['a', float('1.5')]),
    map(['a', nil]),
    map(['a/b~', nil]),
    map(['a', int(1n)], ['a', int(2n)]),
    json('{"a": 1, "a": 2}'),
    inMsgpack(map(['__proto__', int(1n)])),
    json('{"__proto__": 1}'),
    json('{"\\ufeffa": 1}'),
    json('{"\\ud800": 1}'),
    map([textOfBytes('ef bb bf 61'), int(1n)]),
    map([textOfBytes('ff fe'), int(1n)]),
    map([int(5n), int(1n)]),
    map([nil, int(1n)]),
    map([binary('61'), int(1n)]),
    map([timestamp(0n), int(1n)]),
    array(int(1n)),
  ],
  'Map(nullable(Int64))': [map(['a', nil])],
  'Map(Array(Struct({ a: Int64 })))': [
    map(['k', array(map(['a', int(1n)]), map(['a', int(2n)]))]),
    map(['k', array(map(['a', int(1n)]), map())]),
    map(['k', array(map(['a', int(1n)], ['b', map()]))]),
  ],
}

/** Whole events for a source of `at`, a Timestamp, and `v`, a nullable Int64. */
export const events: readonly Sample[] = [
  map(['at', int(0n)], ['v', int(1n)]),
  map(['v', int(1n)], ['at', int(0n)]),
  map(['at', int(0n)]),
  map(['at', int(0n)], ['v', nil]),
  map(['v', int(1n)]),
  map(['at', nil]),
  map(),
  map(['at', int(0n)], ['w', nil]),
  map(['at', int(0n)], ['', int(1n)]),
  map(['at', int(0n)], ['V', int(1n)]),
  map(['at', int(0n)], ['constructor', int(1n)]),
  map(['v', bool(true)], ['w', int(1n)], ['at', text('never')]),
  inMsgpack(map(['at', int(0n)], ['__proto__', map()])),
  json('{"at": 0, "__proto__": {}}'),
  map(['at', int(0n)], ['at', int(0n)]),
  map(['at', int(0n)], [binary('76'), int(1n)]),
  map(['at', int(0n)], [nil, int(1n)]),
  eventWith(
    `an unknown field w: arrays, ${eventDepthMax} deep with the event`,
    nested(nil, eventDepthMax - 1),
  ),
  eventWith(
    `an unknown field w: arrays, ${eventDepthMax + 1} deep with the event`,
    nested(nil, eventDepthMax),
  ),
  eventWith(
    `an unknown field w: an array; ${eventNodesMax} values in all`,
    arrayOf(eventNodesMax - 5),
  ),
  eventWith(
    `an unknown field w: an array; ${eventNodesMax + 1} values in all`,
    arrayOf(eventNodesMax - 4),
  ),
  eventOfSize(eventBytesMax),
  eventOfSize(eventBytesMax + 1),
  encoded('no bytes at all', new Uint8Array(0)),
  inMsgpack(nil),
  inMsgpack(int(5n)),
  inMsgpack(array(map(['at', int(0n)]))),
  encoded('a bin that holds an event', bytesOf(0xc4, 5, 0x81, 0xa2, 'at', 0)),
  encoded('the first bytes of an event', bytesOf(0x81, 0xa2, 'at'), bytesOf(0x81, 0xa2, 'a')),
  encoded('an event and a byte', bytesOf(0x81, 0xa2, 'at', 0, 0)),
  encoded(
    'the byte c1, which msgpack does not use',
    bytesOf(0xc1),
    bytesOf(0x81, 0xa2, 'at', 0xc1),
  ),
  encoded(
    'lengths without content',
    bytesOf(0xdd, 1, 0xc9, 0xc3, 0x80),
    bytesOf(0xdf, 0xff, 0xff, 0xff, 0xff),
    bytesOf(0x81, 0xa2, 'at', 0xdb, 0xff, 0xff, 0xff, 0xff),
  ),
]

function arrayOf(length: number): Sample {
  return array(...Array<Sample>(length).fill(nil))
}

/** An event with a field `w` that the source does not have, under a name of its own. */
function eventWith(name: string, value: Sample): Sample {
  const whole = map(['at', int(0n)], ['w', value])
  return encoded(name, ...whole.forms)
}

function eventOfSize(bytes: number): Sample {
  const sized = (length: number) => map(['at', int(0n)], ['w', text('x'.repeat(length))]).forms[0]!
  const spare = bytes - sized(bytes / 2).length + Math.floor(bytes / 2)
  return encoded(`an unknown field w: text; ${bytes} bytes in all`, sized(spare))
}
