/**
 * What becomes of containers and of whole events, written by hand; see `expected-types.ts`.
 */
import type { Value } from '../../src/model/types.ts'

/** A value, or the code and the path of a refusal, such as `EVENT_FIELD_TYPE /v/1`. */
export type Outcome = Value | { readonly refused: string }

function refused(text: string): Outcome {
  return { refused: text }
}

function mapOf(entries: Readonly<Record<string, Value>>): Value {
  return new Map(Object.entries(entries))
}

/** By declared type, then by sample. */
export const expectedContainers: Readonly<
  Record<string, readonly (readonly [sample: string, outcome: Outcome])[]>
> = {
  'Array(Int64)': [
    ['[]', []],
    ['[1, "2", 3]', [1n, 2n, 3n]],
    ['[1, 1.5]', refused('EVENT_FIELD_TYPE /v/1')],
    ['[null]', refused('EVENT_FIELD_TYPE /v/0')],
    ['{}', refused('EVENT_FIELD_TYPE /v')],
    ['str "[]"', refused('EVENT_FIELD_TYPE /v')],
  ],
  'Array(nullable(Int64))': [['[1, null]', [1n, null]]],
  'Array(Array(String))': [
    ['[["a"], []]', [['a'], []]],
    ['[[], ["a", null]]', refused('EVENT_FIELD_TYPE /v/1/1')],
  ],
  'Struct({ a: Int64, b: nullable(String) })': [
    ['{"a": 1, "b": "x"}', { a: 1n, b: 'x' }],
    ['{"b": "x", "a": "1"}', { a: 1n, b: 'x' }],
    ['{"a": 1}', { a: 1n, b: null }],
    ['{"a": 1, "b": null}', { a: 1n, b: null }],
    ['{}', refused('EVENT_FIELD_MISSING /v/a')],
    ['{"a": null}', refused('EVENT_FIELD_TYPE /v/a')],
    ['{"a": true}', refused('EVENT_FIELD_TYPE /v/a')],
    ['{"a": 1, "c": 2}', refused('EVENT_FIELD_UNKNOWN /v/c')],
    ['{"a": 1, "A": 2}', refused('EVENT_FIELD_UNKNOWN /v/A')],
    ['{"a": 1, "constructor": 2}', refused('EVENT_FIELD_UNKNOWN /v/constructor')],
    ['{"a": 1, "a": 2}', refused('EVENT_DECODE ')],
    ['JSON {"a": 1, "a": 2}', { a: 2n, b: null }],
    ['{"a": 1, "__proto__": {}}', refused('EVENT_DECODE ')],
    ['JSON {"a": 1, "__proto__": {}}', refused('EVENT_FIELD_UNKNOWN /v/__proto__')],
    ['{"a": 1, 5: 2}', refused('EVENT_DECODE ')],
    ['[1, "x"]', refused('EVENT_FIELD_TYPE /v')],
  ],
  'Struct({ toString: nullable(Int64) })': [
    ['{}', { toString: null }],
    ['{"toString": 1}', { toString: 1n }],
  ],
  'Map(Int64)': [
    ['{}', mapOf({})],
    ['{"a": 1, "b": "2"}', mapOf({ a: 1n, b: 2n })],
    ['{"": 1}', mapOf({ '': 1n })],
    ['{"constructor": 1, "toString": 2}', mapOf({ constructor: 1n, toString: 2n })],
    ['{"1": 1, "0": 2}', mapOf({ '0': 2n, '1': 1n })],
    ['{"a": 1.5}', refused('EVENT_FIELD_TYPE /v/a')],
    ['{"a": null}', refused('EVENT_FIELD_TYPE /v/a')],
    ['{"a/b~": null}', refused('EVENT_FIELD_TYPE /v/a~1b~0')],
    ['{"a": 1, "a": 2}', refused('EVENT_DECODE ')],
    ['JSON {"a": 1, "a": 2}', mapOf({ a: 2n })],
    ['{"__proto__": 1}', refused('EVENT_DECODE ')],
    ['JSON {"__proto__": 1}', refused('EVENT_FIELD_TYPE /v/__proto__')],
    ['JSON {"\\ufeffa": 1}', refused('EVENT_FIELD_TYPE /v/\ufeffa')],
    ['JSON {"\\ud800": 1}', refused('EVENT_FIELD_TYPE /v')],
    ['{str ef bb bf 61: 1}', refused('EVENT_DECODE ')],
    ['{str ff fe: 1}', refused('EVENT_DECODE ')],
    ['{5: 1}', refused('EVENT_DECODE ')],
    ['{null: 1}', refused('EVENT_DECODE ')],
    ['{bin 61: 1}', refused('EVENT_DECODE ')],
    ['{timestamp 1970-01-01T00:00:00Z: 1}', refused('EVENT_DECODE ')],
    ['[1]', refused('EVENT_FIELD_TYPE /v')],
  ],
  'Map(nullable(Int64))': [['{"a": null}', mapOf({ a: null })]],
  'Map(Array(Struct({ a: Int64 })))': [
    ['{"k": [{"a": 1}, {"a": 2}]}', mapOf({ k: [{ a: 1n }, { a: 2n }] })],
    ['{"k": [{"a": 1}, {}]}', refused('EVENT_FIELD_MISSING /v/k/1/a')],
    ['{"k": [{"a": 1, "b": {}}]}', refused('EVENT_FIELD_UNKNOWN /v/k/0/b')],
  ],
}

/** Events of the fields `at`, a Timestamp, and `v`, a nullable Int64: null where they are taken. */
export const expectedEvents: readonly (readonly [sample: string, refusal: string | null])[] = [
  ['{"at": 0, "v": 1}', null],
  ['{"v": 1, "at": 0}', null],
  ['{"at": 0}', null],
  ['{"at": 0, "v": null}', null],
  ['{"v": 1}', 'EVENT_FIELD_MISSING /at'],
  ['{"at": null}', 'EVENT_FIELD_TYPE /at'],
  ['{}', 'EVENT_FIELD_MISSING /at'],
  ['{"at": 0, "w": null}', 'EVENT_FIELD_UNKNOWN /w'],
  ['{"at": 0, "": 1}', 'EVENT_FIELD_UNKNOWN /'],
  ['{"at": 0, "V": 1}', 'EVENT_FIELD_UNKNOWN /V'],
  ['{"at": 0, "constructor": 1}', 'EVENT_FIELD_UNKNOWN /constructor'],
  ['{"v": true, "w": 1, "at": "never"}', 'EVENT_TIME /at'],
  ['{"at": 0, "__proto__": {}}', 'EVENT_DECODE '],
  ['JSON {"at": 0, "__proto__": {}}', 'EVENT_FIELD_UNKNOWN /__proto__'],
  ['{"at": 0, "at": 0}', 'EVENT_DECODE '],
  ['{"at": 0, bin 76: 1}', 'EVENT_DECODE '],
  ['{"at": 0, null: 1}', 'EVENT_DECODE '],
  ['an unknown field w: arrays, 8 deep with the event', 'EVENT_FIELD_UNKNOWN /w'],
  ['an unknown field w: arrays, 9 deep with the event', 'EVENT_DECODE '],
  ['an unknown field w: an array; 4096 values in all', 'EVENT_FIELD_UNKNOWN /w'],
  ['an unknown field w: an array; 4097 values in all', 'EVENT_DECODE '],
  ['an unknown field w: text; 65536 bytes in all', 'EVENT_FIELD_UNKNOWN /w'],
  ['an unknown field w: text; 65537 bytes in all', 'EVENT_TOO_LARGE '],
  ['no bytes at all', 'EVENT_DECODE '],
  ['nil', 'EVENT_DECODE '],
  ['int 5', 'EVENT_DECODE '],
  ['[{"at": 0}]', 'EVENT_DECODE '],
  ['a bin that holds an event', 'EVENT_DECODE '],
  ['the first bytes of an event', 'EVENT_DECODE '],
  ['an event and a byte', 'EVENT_DECODE '],
  ['the byte c1, which msgpack does not use', 'EVENT_DECODE '],
  ['lengths without content', 'EVENT_DECODE '],
]
