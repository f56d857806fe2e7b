/**
 * Sources whose raw events a post-processor makes into rows: what views get, and what is rejected.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { futureMsMax } from '../../src/base/limits.ts'
import { objectSchemaOf } from '../../src/define/schema.ts'
import type { Catalog, PostProcessor, Source } from '../../src/model/catalog.ts'
import { encodeKey } from '../../src/model/key.ts'
import type { Rejection } from '../../src/model/rejection.ts'
import type { RowBatch } from '../../src/model/rows.ts'
import { createEventValidator, createKeyResolver } from '../../src/validate/key-resolver.ts'
import { createRouteValidator, type RouteValidator } from '../../src/validate/route-validator.ts'
import {
  catalogOf,
  field,
  packed,
  sectionOf,
  sourceOf,
  type ViewSpec,
} from '../helpers/event-catalog.ts'

const arrivalMs = 1_700_000_000_000

const user = field('user', 'String')
const count = field('count', 'Int64')
const fields = [user, field('at', 'Timestamp'), count, field('note', 'String', true)]
const labels = field('labels', {
  kind: 'Map',
  value: { kind: 'Int64', nullable: false },
  nullable: false,
})
const inputFields = [user, field('seconds', 'Int64'), field('n', 'Int32'), labels]

/** A raw event as a post-processor in JavaScript may take it. */
interface Raw {
  user: string
  seconds: bigint
  n: number
  readonly labels: Map<string, bigint>
}
type Process = (raw: Raw) => unknown

/** Renames, derives the event time, drops what is negative. */
const standard: Process = ({ user, seconds, n }) =>
  n < 0 ? null : { user, at: seconds * 1_000_000_000n, count: BigInt(n), note: null }

function sourceWith(process: Process): Source {
  const input = { fields: inputFields, schema: objectSchemaOf(inputFields, 'closed') }
  const postProcessor = process as unknown as PostProcessor
  return { ...sourceOf(fields), input: { ...input, postProcessor } }
}

const plain: ViewSpec = { name: 'plain', columns: [count] }

function validatorOf(process: Process, ...views: ViewSpec[]): RouteValidator {
  const catalog = catalogOf(sourceWith(process), views.length === 0 ? [plain] : views)
  return createRouteValidator(catalog, catalog.routes[0]!)
}

function raw(change: object = {}): Record<string, unknown> {
  return { user: 'ada', seconds: arrivalMs / 1000, n: 1, labels: { a: 1 }, ...change }
}

function read(validator: RouteValidator, ...events: readonly unknown[]): Rejection[] {
  const { section, buffers } = sectionOf(events, arrivalMs)
  const rejections: Rejection[] = []
  validator.begin(buffers, section.events)
  validator.readSection(section, rejections)
  return rejections
}

/** Of each row: the place of its event, its time in ms, and an integer column. */
function rowsIn(rows: RowBatch, column = 'count'): [number, number, bigint][] {
  const { high, low } = rows.columns.find(({ name }) => name === column)!
  return Array.from({ length: rows.count }, (_, i) => [
    rows.eventIndex[i]!,
    rows.timeMs[i]!,
    BigInt(high[i]!) * 2n ** 32n + BigInt(low[i]!),
  ])
}

/** What one good raw event is answered with. */
function answerOf(process: Process): Omit<Rejection, 'index'> | undefined {
  const validator = validatorOf(process)
  const [rejected] = read(validator, raw())
  if (rejected === undefined) return undefined
  assert.equal(validator.rowsOf(0).count, 0)
  const { code, path, message } = rejected
  return { code, path, message }
}

test('fields are renamed, the event time is derived, and null leaves an event out', () => {
  const validator = validatorOf(standard)
  const earlier = arrivalMs - 60_000
  const rejections = read(
    validator,
    raw({ n: 7 }),
    raw({ n: -1 }),
    raw({ n: 8, seconds: earlier / 1000 }),
  )
  assert.deepEqual(rejections, [])
  assert.deepEqual(rowsIn(validator.rowsOf(0)), [
    [0, arrivalMs, 7n],
    [2, earlier, 8n],
  ])
})

test('a raw event is checked against the input, not the schema', () => {
  const validator = validatorOf(standard)
  const rejections = read(
    validator,
    { user: 'ada', at: arrivalMs, count: 1 },
    raw({ n: 2 ** 40 }),
    raw({ extra: 1 }),
    raw({ labels: null }),
    raw(),
  )
  assert.deepEqual(
    rejections.map(({ index, code, path }) => [index, code, path]),
    [
      [0, 'EVENT_FIELD_MISSING', '/seconds'],
      [1, 'EVENT_FIELD_RANGE', '/n'],
      [2, 'EVENT_FIELD_UNKNOWN', '/extra'],
      [3, 'EVENT_FIELD_TYPE', '/labels'],
    ],
  )
  assert.equal(validator.rowsOf(0).count, 1)
})

test('the time of a row is judged like that of any event', () => {
  const validator = validatorOf(standard)
  const seconds = (arrivalMs + futureMsMax) / 1000 + 1
  const [rejected] = read(validator, raw({ seconds }), raw())
  assert.deepEqual([rejected!.index, rejected!.code, rejected!.path], [0, 'EVENT_IN_FUTURE', '/at'])
  assert.equal(validator.rowsOf(0).count, 1)
})

test('a time that is not usable is EVENT_TIME', () => {
  const made = 'not a valid event time: in the row of the post-processor of "events": '
  const times: [unknown, string][] = [
    [undefined, 'required field is missing'],
    [null, 'expected Timestamp, got null'],
    [arrivalMs, 'expected Timestamp, got integer'],
    ['2024-05-01T12:00:00Z', 'expected Timestamp, got string'],
    [10n ** 30n, 'before 1900-01-01 or after 2200-01-01'],
  ]
  for (const [at, reason] of times) {
    const answer = answerOf(({ user }) => ({ user, at, count: 1n }))
    assert.deepEqual(answer, { code: 'EVENT_TIME', path: '/at', message: made + reason })
  }
})

test('what a post-processor throws rejects the event, and the next one is read', () => {
  const thrown: unknown[] = [new Error('no ones'), 'text', undefined, null, Object.create(null)]
  let n = 0
  const validator = validatorOf((event) => {
    if (event.n === 1) throw thrown[n++]
    return standard(event)
  })
  const rejections = read(validator, ...thrown.map(() => raw()), raw({ n: 2 }))
  assert.equal(rejections.length, thrown.length)
  assert.deepEqual(rejections[0], {
    index: 0,
    code: 'POST_PROCESSOR_FAILED',
    path: '',
    message: 'post-processor of "events" failed: no ones',
  })
  for (const { code } of rejections) assert.equal(code, 'POST_PROCESSOR_FAILED')
  assert.deepEqual(rowsIn(validator.rowsOf(0)), [[5, arrivalMs, 2n]])
  const forever = (): unknown => forever()
  assert.equal(answerOf(forever)?.code, 'POST_PROCESSOR_FAILED')
})

test('a result that is not a row of the schema rejects the event', () => {
  const row = { user: 'ada', at: 0n, count: 1n, note: null }
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()
  const results: [unknown, RegExp][] = [
    [{ ...row, count: 'one' }, /row\/count: expected Int64, got string$/],
    [{ ...row, count: '1' }, /row\/count: expected Int64, got string$/],
    [{ ...row, count: undefined }, /row\/count: required field is missing$/],
    [{ ...row, note: 5 }, /row\/note: expected String, got integer$/],
    [{ ...row, user: null }, /row\/user: expected String, got null$/],
    [[row], /row: expected a row or null, got array$/],
    [undefined, /row: expected a row or null, got undefined$/],
    [5, /row: expected a row or null, got number$/],
    [new Map(Object.entries(row)), /row: expected a row or null, got object$/],
    [Promise.resolve(row), /it returned a promise, and a post-processor is a plain function$/],
    [Promise.reject(new Error('later')), /it returned a promise/],
    [revoked, /revoked/],
  ]
  for (const [result, message] of results) {
    const answer = answerOf(() => result)
    assert.equal(answer?.code, 'POST_PROCESSOR_FAILED')
    assert.match(answer.message, message)
  }
})

test('a row is converted like that of a transform, and only its fields count', () => {
  const views: ViewSpec[] = [
    {
      name: 'seen',
      columns: [field('fields', 'String'), count],
      transform: (event) => ({
        fields: `${Object.keys(event).join()} ${typeof event['count']} ${typeof event['note']}`,
        count: event['count']!,
      }),
    },
  ]
  const validator = validatorOf((raw) => ({ ...raw, at: 0n, count: raw.n, more: {} }), ...views)
  assert.deepEqual(read(validator, raw()), [])
  const rows = validator.rowsOf(0)
  assert.deepEqual(rows.columns[0]!.values.slice(0, rows.count), [
    'user,at,count,note bigint object',
  ])
})

test('a join key that has changed rejects the event', () => {
  const changed = {
    code: 'EVENT_KEY',
    path: '/user',
    message: 'not usable as an entity key: the post-processor of "events" has changed it',
  }
  const process = ({ user, n }: Raw) => ({ user: n === 1 ? user.toUpperCase() : user, at: 0n })
  assert.deepEqual(
    answerOf((raw) => ({ ...process(raw), count: 1n })),
    changed,
  )
  const validator = validatorOf((raw) => ({ ...process(raw), count: 1n }))
  assert.deepEqual(read(validator, raw({ n: 2 })), [])
})

test('the join keys of every route are compared on each', () => {
  const source = { ...sourceWith((raw) => ({ ...raw, at: 0n, count: 2n })), routes: [0, 1] }
  const other = { ...source, input: { ...source.input!, fields: [...inputFields, count] } }
  const schema = objectSchemaOf(other.input.fields, 'closed')
  const base = catalogOf({ ...other, input: { ...other.input, schema } }, [plain])
  const catalog: Catalog = {
    ...base,
    routes: [base.routes[0]!, { index: 1, source: 0, joinKeys: [count], views: [] }],
  }
  const validator = createRouteValidator(catalog, catalog.routes[0]!)
  const rejections = read(validator, raw({ count: 1 }), raw({ count: 2 }))
  assert.deepEqual(
    rejections.map(({ index, code, path }) => [index, code, path]),
    [[0, 'EVENT_KEY', '/count']],
  )
})

test('views with transforms get the row; an event counts for all of them or for none', () => {
  const doubled: ViewSpec = {
    name: 'doubled',
    columns: [field('n', 'Int64')],
    transform: (event) => {
      if (event['count'] === 13n) throw new Error('unlucky')
      return [{ n: event['count']! }, { n: (event['count'] as bigint) * 2n }]
    },
  }
  const even: ViewSpec = {
    name: 'even',
    columns: [count],
    transform: (event) => ((event['count'] as bigint) % 2n === 0n ? event : null),
  }
  const validator = validatorOf(standard, plain, doubled, even)
  const rejections = read(validator, raw({ n: 2 }), raw({ n: 13 }), raw({ n: -1 }), raw({ n: 3 }))
  assert.deepEqual(
    rejections.map(({ index, code }) => [index, code]),
    [[1, 'TRANSFORM_FAILED']],
  )
  const counts = (view: number, column?: string) =>
    rowsIn(validator.rowsOf(view), column).map(([event, , n]) => [event, n])
  assert.deepEqual(counts(0), [
    [0, 2n],
    [3, 3n],
  ])
  assert.deepEqual(counts(1, 'n'), [
    [0, 2n],
    [0, 4n],
    [3, 3n],
    [3, 6n],
  ])
  assert.deepEqual(counts(2), [[0, 2n]])
})

test('a raw event is read-only', () => {
  const changes: [(raw: Raw) => unknown, RegExp][] = [
    [(raw) => (raw.user = 'eve'), /read only property 'user'/],
    [(raw) => raw.labels.set('b', 2n), /a map of the event is read-only/],
    [(raw) => Object.assign(raw, { more: 1 }), /not extensible/],
  ]
  for (const [change, message] of changes) {
    const answer = answerOf((raw) => (change(raw), standard(raw)))
    assert.equal(answer?.code, 'POST_PROCESSOR_FAILED')
    assert.match(answer.message, message)
  }
})

test('an unusual event has the key of its raw event, before any post-processing', () => {
  const catalog = catalogOf(
    sourceWith(() => assert.fail()),
    [plain],
  )
  const resolve = createKeyResolver(catalog)
  const bytes = packed(raw({ user: 'grace' }))
  assert.deepEqual(resolve(0, bytes, 0, bytes.length), encodeKey([user], { user: 'grace' }))
  const bad = packed(raw({ n: 'x' }))
  const refused = resolve(0, bad, 0, bad.length)
  assert.ok(!(refused instanceof Uint8Array))
  assert.deepEqual([refused.code, refused.path], ['EVENT_FIELD_TYPE', '/n'])
})

test('events of a source that no view reads are post-processed as well', () => {
  const process: Process = (raw) => {
    if (raw.n === 0) throw new Error('zero')
    return standard(raw)
  }
  const catalog = { ...catalogOf({ ...sourceWith(process), routes: [] }, []), routes: [] }
  const validate = createEventValidator(catalog)
  const answers = [raw(), raw({ n: -1 }), raw({ n: 0 }), raw({ n: 'x' })].map((event) => {
    const bytes = packed(event)
    return validate(0, bytes, 0, bytes.length)
  })
  assert.deepEqual(
    answers.map((answer) => answer?.code ?? null),
    [null, null, 'POST_PROCESSOR_FAILED', 'EVENT_FIELD_TYPE'],
  )
})
