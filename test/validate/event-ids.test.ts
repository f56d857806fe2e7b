/**
 * Events with ids on their way through a validator: what is asked of the ids, and in which order.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventIdBytesMax, futureMsMax } from '../../src/base/limits.ts'
import type { Source, Transform } from '../../src/model/catalog.ts'
import type { EventIds, IdVerdict } from '../../src/model/contracts.ts'
import type { Rejection } from '../../src/model/rejection.ts'
import type { DataType, Field } from '../../src/model/types.ts'
import { createEventValidator } from '../../src/validate/key-resolver.ts'
import { createRouteValidator } from '../../src/validate/route-validator.ts'
import { catalogOf, field, packed, sectionOf, sourceOf } from '../helpers/event-catalog.ts'

const arrivalMs = 1_700_000_000_000
const user = field('user', 'String')
const at = field('at', 'Timestamp')
const count = field('count', 'Int64')

const event = (id: unknown, change: object = {}) => ({
  user: 'a',
  at: arrivalMs,
  id,
  count: 1,
  ...change,
})

function sourceWithIds(type: DataType | 'String' | 'Int64' | 'Int32' = 'String'): Source {
  const id = field('id', type)
  const dedupe = { by: 'event-id', field: id, horizonMs: 1000 } as const
  return { ...sourceOf([user, at, id, count]), dedupe }
}

/** What each way of a validator is made with. */
const ways: Readonly<Record<string, { columns: readonly Field[]; transform?: Transform }>> = {
  'the fast path': { columns: [count] },
  'the fast path with the id among the columns': { columns: [field('id', 'String'), count] },
  'the full path': { columns: [count], transform: (each) => each },
}

interface Read {
  /** `key:id` of every claim, ids in hex. */
  readonly claims: string[]
  readonly rejections: Rejection[]
  readonly duplicates: number[]
  /** Events of the rows of each run. */
  readonly runs: number[][]
}

/** Reads a section in runs; an id is what `verdictOf` says by the number of its claim. */
function read(
  source: Source,
  way: { columns: readonly Field[]; transform?: Transform },
  events: readonly unknown[],
  verdictOf: (id: string, claim: number) => IdVerdict = () => 'first',
): Read {
  const catalog = catalogOf(source, [{ name: 'view', ...way }])
  const validator = createRouteValidator(catalog, catalog.routes[0]!)
  const { section, buffers } = sectionOf(events, arrivalMs)
  const found: Read = { claims: [], rejections: [], duplicates: [], runs: [] }
  const ids: EventIds = {
    claim: ({ eventIndex, keyHash, bytes: from, keyStart, keyEnd, id, idBytes }) => {
      assert.equal(keyHash, 7000 + eventIndex)
      assert.deepEqual([...from.subarray(keyStart, keyEnd)], [eventIndex])
      const hex = Buffer.from(id.subarray(0, idBytes)).toString('hex')
      found.claims.push(`${eventIndex}:${hex}`)
      return verdictOf(hex, found.claims.length - 1)
    },
  }
  for (let rest: typeof section | null = section; rest !== null;) {
    rest = validator.readRun(rest, buffers, ids, found)
    const rows = validator.rowsOf(0)
    found.runs.push([...rows.eventIndex.subarray(0, rows.count)])
  }
  return found
}

for (const [name, way] of Object.entries(ways)) {
  test(`${name}: a duplicate makes no row`, () => {
    const duplicate = Buffer.from('b').toString('hex')
    const { claims, duplicates, rejections, runs } = read(
      sourceWithIds(),
      way,
      ['a', 'b', 'ü', 'b'].map((id) => event(id)),
      (id) => (id === duplicate ? 'duplicate' : 'first'),
    )
    assert.deepEqual(claims, ['0:61', '1:62', '2:c3bc', '3:62'])
    assert.deepEqual(duplicates, [1, 3])
    assert.deepEqual(rejections, [])
    assert.deepEqual(runs, [[0, 2]])
  })

  test(`${name}: a run ends before an event of which it cannot be told`, () => {
    const { claims, duplicates, runs } = read(
      sourceWithIds(),
      way,
      ['a', 'b', 'a', 'c'].map((id) => event(id)),
      (_, claim) => (claim === 2 ? 'unsettled' : claim === 3 ? 'duplicate' : 'first'),
    )
    assert.deepEqual(claims, ['0:61', '1:62', '2:61', '2:61', '3:63'])
    assert.deepEqual(duplicates, [2])
    assert.deepEqual(runs, [[0, 1], [3]])
  })

  test(`${name}: what is wrong with an event is found before its id is claimed`, () => {
    const long = 'x'.repeat(eventIdBytesMax)
    const { claims, rejections, runs } = read(sourceWithIds(), way, [
      event(''),
      event(`${long}x`),
      event(`${long.slice(1)}ü`),
      event('a', { count: 'no number' }),
      event('a', { at: arrivalMs + futureMsMax + 1 }),
      event(null),
      event(long),
      event('x'.repeat(255)),
    ])
    assert.deepEqual(
      claims.map((claim) => claim.slice(0, 4)),
      ['6:78', '7:78'],
    )
    assert.deepEqual(
      rejections.map(({ index, code, path }) => [index, code, path]),
      [
        [0, 'EVENT_ID', '/id'],
        [1, 'EVENT_ID', '/id'],
        [2, 'EVENT_ID', '/id'],
        [3, 'EVENT_FIELD_TYPE', '/count'],
        [4, 'EVENT_IN_FUTURE', '/at'],
        [5, 'EVENT_FIELD_TYPE', '/id'],
      ],
    )
    assert.equal(rejections[0]!.message, 'not usable as an event id: empty string')
    assert.equal(rejections[1]!.message, 'not usable as an event id: longer than 256 bytes')
    assert.deepEqual(runs, [[6, 7]])
  })
}

test('an id is the same whatever form it comes in and whichever way it takes', () => {
  const forms: readonly [DataType | 'String' | 'Int64' | 'Int32', unknown[], string][] = [
    ['Int64', [5, 5n, '5'], '0500000000000000'],
    ['Int64', [-1, -1n, '-1'], 'ffffffffffffffff'],
    ['Int64', [2n ** 62n, String(2n ** 62n)], '0000000000000040'],
    ['Int32', [-2, '-2'], 'feffffffffffffff'],
    // Short and long forms of the same text.
    ['String', ['id', Uint8Array.of(0xda, 0, 2, 0x69, 0x64)], '6964'],
  ]
  for (const [type, ids, hex] of forms) {
    for (const way of [ways['the fast path']!, ways['the full path']!]) {
      for (const id of ids) {
        const bytes = id instanceof Uint8Array ? withId(id) : event(id)
        const { claims, rejections } = read(sourceWithIds(type), way, [bytes])
        assert.deepEqual(rejections, [])
        assert.deepEqual(claims, [`0:${hex}`])
      }
    }
  }
})

test('an event whose transform fails has claimed its id, one that is left out has not', () => {
  const failing = {
    columns: [count],
    transform: (() => {
      throw new Error('no')
    }) as Transform,
  }
  const { claims, rejections } = read(sourceWithIds(), failing, [event('a')])
  assert.deepEqual(claims, ['0:61'])
  assert.equal(rejections[0]!.code, 'TRANSFORM_FAILED')

  const input = {
    fields: [user, field('raw', 'String')],
    schema: sourceOf([user, field('raw', 'String')]).schema,
    postProcessor: ({ user, raw }: { user?: unknown; raw?: unknown }) =>
      raw === '' ? null : { user, at: BigInt(arrivalMs) * 1_000_000n, id: raw, count: 1n },
  }
  const source = { ...sourceWithIds(), input } as unknown as Source
  const raws = ['', 'from raw'].map((raw) => ({ user: 'a', raw }))
  const found = read(source, ways['the fast path']!, raws)
  assert.deepEqual(found.claims, [`1:${Buffer.from('from raw').toString('hex')}`])
  assert.deepEqual(found.runs, [[1]])
})

test('an event that no view reads is checked for its id, too', () => {
  const catalog = { ...catalogOf(sourceWithIds(), []), routes: [] }
  const validate = createEventValidator(catalog)
  const codeOf = (id: string) => {
    const bytes = packed(event(id))
    return validate(0, bytes, 0, bytes.length)?.code
  }
  assert.equal(codeOf('a'), undefined)
  assert.equal(codeOf(''), 'EVENT_ID')
})

/** Msgpack of a plain event whose id is these bytes. */
function withId(id: Uint8Array): Uint8Array {
  const map = Buffer.from(packed(event('a')))
  const place = map.indexOf(Buffer.from([0xa2, 0x69, 0x64])) + 3
  return Buffer.concat([map.subarray(0, place), id, map.subarray(place + 2)])
}
