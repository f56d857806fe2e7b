/**
 * A value is answered the same on every way that it can take.
 *
 * Method: the values of the reference of types, in all their encodings, put to every type of it;
 * then the fast path, the columns of a shard, a transform, the main thread's scan for keys and the
 * JSON of the command line, all against the decoder. What the decoder must say is `types.test.ts`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDoor, eventOfForm, eventOfJson, sampleField } from '../../docs/types/door.ts'
import { createEventDoor, sourceWith, type Verdict } from '../../docs/types/door.ts'
import * as family from '../../docs/types/families.ts'
import { absent, nil } from '../../docs/types/samples.ts'
import { eventTimeMsMax } from '../../src/base/limits.ts'
import { MillraceError } from '../../src/base/errors.ts'
import { parseEvent } from '../../src/cli/event-line.ts'
import { EventBuffer } from '../../src/client/encode.ts'
import type { Transform } from '../../src/model/catalog.ts'
import { encodeKey, keyKinds } from '../../src/model/key.ts'
import type { Rejection } from '../../src/model/rejection.ts'
import { RowBatch } from '../../src/model/rows.ts'
import { msOf, nsWithinMs } from '../../src/model/timestamp.ts'
import type { DataType, Field, Value } from '../../src/model/types.ts'
import { createKeyScan, unusual } from '../../src/route/key-scan.ts'
import { createEventDecoder, isProblem, type EventDecoder } from '../../src/validate/decoder.ts'
import { createFastReader } from '../../src/validate/fast-reader.ts'
import { createRouteValidator } from '../../src/validate/route-validator.ts'
import { catalogOf, sectionOf, sourceOf } from '../helpers/event-catalog.ts'
import { plain } from '../helpers/plain.ts'

/** Every value of every table, each once. */
const samples = [
  ...new Map(
    [
      nil,
      absent,
      ...[family.everyKind, family.numbers, family.texts, family.times].flat(),
      ...Object.values(family.containers).flat(),
    ].map((sample) => [sample.name, sample]),
  ).values(),
]

const nullable = Object.entries(family.everyType).map(([name, type]): [string, DataType] => [
  `nullable ${name}`,
  { ...type, nullable: true },
])

/** Every type of every table, with the decoder's answers in the order above. */
const declared = [
  ...Object.entries({ ...family.everyType, ...family.containerTypes }),
  ...nullable,
].map(([name, type]) => ({ name, type, verdicts: samples.map(createDoor(type)) }))

const scalars = declared.filter(({ type }) => !['Array', 'Struct', 'Map'].includes(type.kind))

/** One event for each encoding of each value. */
const encodings = samples.flatMap(({ name, forms }, sample) =>
  forms.map((form) => ({ name, sample, event: eventOfForm(form), form })),
)

/** A column has an Int32 as a `bigint`, like every integer. */
function valueIn(rows: RowBatch, row: number, type: DataType): unknown {
  const value = rows.columns[0]!.get(row)
  return plain(type.kind === 'Int32' && typeof value === 'bigint' ? Number(value) : value)
}

function valueOf(verdict: Verdict): Value {
  assert.ok('value' in verdict)
  return verdict.value
}

const transforms: Readonly<Record<string, Transform | undefined>> = {
  'a view without a transform': undefined,
  'a view with a transform': (event) => event,
}

for (const [title, transform] of Object.entries(transforms)) {
  test(`${title} gets the values that the decoder gives, and the rest is refused alike`, () => {
    for (const { name: typeName, type, verdicts } of declared) {
      const spec = { name: 'view', columns: [{ name: sampleField, type }] }
      const catalog = catalogOf(sourceWith(type), [transform ? { ...spec, transform } : spec])
      const validator = createRouteValidator(catalog, catalog.routes[0]!)
      const events = encodings.map(({ event }) => event)
      const { section, buffers } = sectionOf(events, eventTimeMsMax)
      const rejections: Rejection[] = []
      validator.begin(buffers, section.events)
      validator.readSection(section, rejections)
      const refusals = new Map(rejections.map(({ index, code, path }) => [index, { code, path }]))
      const rows = validator.rowsOf(0)
      let row = 0
      for (const [index, { name, sample }] of encodings.entries()) {
        const verdict = verdicts[sample]!
        const where = `${typeName} ← ${name}`
        if ('code' in verdict) assert.deepEqual(refusals.get(index), verdict, where)
        else {
          assert.equal(rows.eventIndex[row], index, where)
          assert.deepEqual(valueIn(rows, row, type), plain(verdict.value), where)
          row += 1
        }
      }
      assert.equal(rows.count, row)
      assert.equal(refusals.size, encodings.length - row)
    }
  })
}

test('whole events are answered by a shard as by the decoder', () => {
  const source = sourceWith(family.scalarOf('Int64', true))
  const door = createEventDoor(source)
  const columns = source.fields.slice(1)
  const catalog = catalogOf(source, [{ name: 'view', columns }])
  const validator = createRouteValidator(catalog, catalog.routes[0]!)
  const events = family.events.flatMap((event) => event.forms.map((form) => ({ event, form })))
  const rejections: Rejection[] = []
  const forms = events.map(({ form }) => form)
  const { section, buffers } = sectionOf(forms, eventTimeMsMax)
  validator.begin(buffers, section.events)
  validator.readSection(section, rejections)
  const refusals = new Map(rejections.map(({ index, code, path }) => [index, { code, path }]))
  for (const [index, { event }] of events.entries()) {
    const verdict = door(event)
    assert.deepEqual(refusals.get(index), 'code' in verdict ? verdict : undefined, event.name)
  }
  assert.equal(validator.rowsOf(0).count, events.length - refusals.size)
})

/** Whether the fast path takes an event into row 0. */
function takes(fields: readonly Field[], rows: RowBatch): (event: Uint8Array) => boolean {
  const fast = createFastReader(sourceOf(fields), rows)!
  return (event) => {
    const bytes = Buffer.from(event)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    rows.reset(bytes, 1)
    return fast(bytes, view, 0, bytes.length, 0)
  }
}

test('the fast path takes what is usual and leaves the rest to the decoder', () => {
  const left = new Set<string>()
  for (const { name: typeName, type, verdicts } of scalars) {
    const rows = new RowBatch([{ name: sampleField, type }])
    const fast = takes(sourceWith(type).fields, rows)
    for (const { name, sample, event, form } of encodings) {
      const verdict = verdicts[sample]!
      if (fast(event)) {
        assert.deepEqual(valueIn(rows, 0, type), plain(valueOf(verdict)), `${typeName} ← ${name}`)
      } else if ('value' in verdict && form === samples[sample]!.forms[0] && !type.nullable) {
        left.add(`${typeName} ← ${isAscii(name) ? 'ASCII' : name.replace(/^float .*/, 'float')}`)
      }
    }
  }
  // In their shortest encoding; longer ones, such as text with 16 bits of length, are left too.
  assert.deepEqual(
    [...left],
    [
      'Int64 ← ASCII',
      'Int64 ← float',
      'Int32 ← ASCII',
      'Int32 ← float',
      'Float64 ← int 9007199254740992',
      'Float64 ← int -9223372036854775808',
      'Float64 ← int 9223372036854775808',
      'Float64 ← int 1714564800000000000',
      'Float32 ← int 9007199254740992',
      'Float32 ← int -9223372036854775808',
      'Float32 ← int 9223372036854775808',
      'Float32 ← int 1714564800000000000',
      'String ← str "\\u00e9"',
      'String ← str "e\\u0301"',
      'String ← str "\\ud83d\\ude00"',
      'String ← str "a\\u0000\\r\\n\\u001b\\u202e"',
      'String ← str "a\\ufeff"',
      'Timestamp ← ASCII',
      'Timestamp ← float',
    ],
  )
})

function isAscii(name: string): boolean {
  return name.startsWith('str ') && !name.includes('\\u')
}

test('an event time is the same on the fast path, and later behind it', () => {
  for (const { name: typeName, type, verdicts } of scalars) {
    if (type.kind !== 'Timestamp' || type.nullable) continue
    const fields = [{ name: 'at', type }]
    const rows = new RowBatch([])
    const fast = takes(fields, rows)
    const decoder = createEventDecoder(sourceOf(fields))
    for (const { name, sample, form } of encodings) {
      if (form.length === 0) continue
      const event = Buffer.concat([Buffer.from([0x81, 0xa2, 0x61, 0x74]), form])
      const verdict = verdicts[sample]!
      const where = `${typeName} ← ${name}`
      const isFast = fast(event)
      const decoded = decoder.decode(event, 0, event.length)
      if ('code' in verdict) {
        assert.ok(isProblem(decoded) && !isFast, where)
        assert.equal(decoded.code, verdict.code, where)
        continue
      }
      const ns = verdict.value as bigint
      const time = { timeMs: msOf(ns), timeNs: nsWithinMs(ns) }
      assert.ok(!isProblem(decoded), where)
      assert.deepEqual({ timeMs: decoded.timeMs, timeNs: decoded.timeNs }, time, where)
      if (isFast) assert.deepEqual({ timeMs: rows.timeMs[0], timeNs: rows.timeNs[0] }, time, where)
    }
  }
})

test('a key that the scan finds is the key of the decoded value', () => {
  let found = 0
  for (const { name: typeName, type, verdicts } of scalars) {
    if (type.nullable || !keyKinds.some((kind) => kind === type.kind)) continue
    const joinKeys = [{ name: sampleField, type }]
    const scan = createKeyScan({ joinKeys })
    for (const { name, sample, event } of encodings) {
      const length = scan.scan(event, 0, event.length)
      if (length === unusual) continue
      found += 1
      const key = encodeKey(joinKeys, { [sampleField]: valueOf(verdicts[sample]!) })
      assert.deepEqual(
        new Uint8Array(scan.words.buffer.slice(0, length)),
        key,
        `${typeName} ← ${name}`,
      )
    }
  }
  assert.ok(found > 100, `${found} keys`)
})

/** What becomes of a line that `millrace push` reads: a value, or the words of who refused it. */
function pushed(line: string, decoder: EventDecoder): Value | { readonly refusal: string } {
  const event = parseEvent(line)
  if (typeof event === 'string') return { refusal: event }
  const buffer = new EventBuffer(0, new ArrayBuffer(64))
  try {
    buffer.event(event)
  } catch (thrown) {
    assert.ok(thrown instanceof MillraceError)
    return { refusal: thrown.code }
  }
  const bin = buffer.view(0)
  const decoded = decoder.decode(bin, 2, bin.length)
  return isProblem(decoded) ? { refusal: decoded.code } : decoded.values[sampleField]!
}

test('a line that is pushed becomes what its JSON becomes, or is refused by another code', () => {
  const others = new Set<string>()
  for (const { name: typeName, type, verdicts } of declared) {
    const decoder = createEventDecoder(sourceWith(type))
    for (const [n, { name, json }] of samples.entries()) {
      if (json === null) continue
      const verdict = verdicts[n]!
      const became = pushed(eventOfJson(json), decoder)
      const where = `${typeName} ← ${name}`
      if (typeof became !== 'object' || became === null || !('refusal' in became)) {
        assert.deepEqual(plain(became), plain(valueOf(verdict)), where)
      } else if (!('code' in verdict && verdict.code === became.refusal)) {
        others.add(`${json}: ${became.refusal as string}`)
      }
    }
  }
  // JSON alone would let the last of two equal names win; all else is refused either way.
  assert.deepEqual(
    [...others],
    [
      '"\\ufeffa": EVENT_DECODE',
      '"a\\ud800": EVENT_ENCODE',
      '{"a": 1, "a": 2}: a name comes twice in a JSON object',
      '{"a": 1, "__proto__": {}}: EVENT_DECODE',
      '{"__proto__": 1}: EVENT_DECODE',
      '{"\\ufeffa": 1}: EVENT_DECODE',
      '{"\\ud800": 1}: EVENT_ENCODE',
    ],
  )
})
