/**
 * A layout changes how fast an event is encoded and nothing else: with it, every event becomes the
 * same bytes, or is refused for the same reason, as without it.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { EventBuffer } from '../../src/client/encode.ts'
import { layoutOf, type EventLayout } from '../../src/client/layout.ts'
import { t, type Fields } from '../../src/define/types.ts'

const schema = {
  user_id: t.String(),
  timestamp: t.Timestamp(),
  amount: t.Float64(),
  clicked: t.nullable(t.Int64()),
  is_new: t.Bool(),
  a_name_that_is_longer_than_three_words: t.Int32(),
  tags: t.nullable(t.Array(t.String())),
} satisfies Fields

const wide = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`field_${n}`, t.Int64()]))

/** What becomes of events, one after another in one buffer. */
function outcomes(events: readonly unknown[], layout: EventLayout | null): unknown[] {
  const buffer = new EventBuffer(3, new ArrayBuffer(4))
  return events.map((event) => {
    const before = buffer.byteLength
    try {
      buffer.event(event, layout)
    } catch (error) {
      assert.equal(buffer.byteLength, before)
      const { code, details } = error as { code?: unknown; details?: unknown }
      return code === undefined ? String(error) : { code, details }
    }
    return buffer.view(before).toString('hex')
  })
}

function assertSame(events: readonly unknown[], fields: Fields = schema): void {
  const layout = layoutOf({ schema: fields })
  assert.notEqual(layout, null)
  assert.deepEqual(outcomes(events, layout), outcomes(events, null))
}

class Point {
  x = 1
}

const date = fc.oneof(
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(0, 999, 2 ** 32 * 1000, 2 ** 34 * 1000, -1, NaN).map((ms) => new Date(ms)),
)
const number = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.integer({ min: -70_000, max: 70_000 }),
  fc.constantFrom(-0, 127, 128, 255, 256, -32, -33, -128, -129, 2 ** 31, 2 ** 32, -(2 ** 31) - 1),
  fc.constantFrom(2 ** 53, -(2 ** 53), Infinity, -Infinity, NaN),
)
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.string({ minLength: 28, maxLength: 52 }),
  fc.constantFrom('x'.repeat(300), 'é'.repeat(40), '\ud800', 'ends in \udc00', ''),
)
const usual: Readonly<Record<keyof typeof schema, fc.Arbitrary<unknown>>> = {
  user_id: text,
  timestamp: date,
  amount: number,
  clicked: fc.oneof(number, fc.constant(null), fc.bigInt()),
  is_new: fc.boolean(),
  a_name_that_is_longer_than_three_words: number,
  tags: fc.array(text, { maxLength: 3 }),
}
const odd = fc.oneof(
  text,
  number,
  date,
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
  fc.constantFrom(undefined, null, true, Symbol('s'), () => 1, new Point(), new Set([1])),
  fc.constantFrom(Object('boxed'), Object(1), /x/, new Uint8Array(2), Promise.resolve()),
  fc.array(fc.oneof(number, text, fc.constant(undefined)), { maxLength: 3 }),
  fc.dictionary(text, fc.oneof(number, fc.constant(Symbol('deep'))), { maxKeys: 3 }),
  fc.constant(new Map<unknown, unknown>([['k', 1]])),
  fc.constant(new Map<unknown, unknown>([[1, 1]])),
)
const names = Object.keys(schema)
const strange = fc.constantFrom('extra', '', '0', 'é', '\ud800', '__proto__', 'constructor')

/** Own fields in any order, some left out, some of other types, some that no schema has. */
const fields = fc
  .tuple(
    fc.record(usual),
    fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 2 }),
    fc.dictionary(strange, odd, { maxKeys: 1 }),
    fc.oneof(fc.constant(names), fc.shuffledSubarray(names)),
  )
  .map(([right, wrong, more, order]): [string, unknown][] => [
    ...order.map((name): [string, unknown] => [
      name,
      Object.entries({ ...right, ...wrong }).find(([one]) => one === name)![1],
    ]),
    ...Object.entries(more),
  ])

function objectOf(entries: readonly [string, unknown][], prototype: object | null): object {
  const event = Object.create(prototype) as object
  for (const [name, value] of entries) {
    Object.defineProperty(event, name, { value, enumerable: true, configurable: true })
  }
  return event
}

/** The same fields in all that an object may be. */
const event = fc.tuple(fields, fc.integer({ min: 0, max: 9 })).map(([entries, kind]): unknown => {
  const plain = objectOf(entries, Object.prototype)
  switch (kind) {
    case 0:
      return objectOf(entries, null)
    case 1:
      return objectOf(entries, { user_id: 'inherited' })
    case 2:
      return new Proxy(plain, {})
    case 3:
      return Object.defineProperty(plain, 'amount', { get: () => 1.5, enumerable: true })
    case 4:
      return Object.defineProperty(plain, 'amount', { value: 2, enumerable: false })
    case 5:
      return Object.assign(plain, { [Symbol('hidden')]: 1 })
    default:
      return plain
  }
})

const anything = fc.oneof({ weight: 9, arbitrary: event }, { weight: 1, arbitrary: odd })

describe('the layout of a source', () => {
  it('changes neither bytes nor errors, whatever the events are', () => {
    fc.assert(
      fc.property(fc.array(anything, { minLength: 1, maxLength: 5 }), (events) => {
        assertSame(events)
      }),
      { seed: 42, numRuns: 2000 },
    )
  })

  it('holds for schemas that take a longer head, with any number of fields left out', () => {
    const value = fc.oneof({ weight: 6, arbitrary: number }, { weight: 1, arbitrary: odd })
    const sparse = fc.dictionary(fc.constantFrom(...Object.keys(wide)), value, { minKeys: 10 })
    fc.assert(
      fc.property(fc.array(sparse, { minLength: 1, maxLength: 4 }), (events) => {
        assertSame(events, wide)
      }),
      { seed: 42, numRuns: 300 },
    )
  })

  it('does not take for a field what every object inherits', () => {
    const right = { user_id: 'u', timestamp: new Date(5), amount: 1, clicked: 1 }
    const without = outcomes([right], null)
    const everyone = Object.getPrototypeOf({}) as object
    const inherited = { value: true, enumerable: true, configurable: true }
    Object.defineProperty(everyone, 'is_new', inherited)
    try {
      assert.deepEqual(outcomes([right], layoutOf({ schema })), without)
    } finally {
      Reflect.deleteProperty(everyone, 'is_new')
    }
  })

  it('follows events whose fields stand in another order', () => {
    const here = { amount: 1.25, user_id: 'u', timestamp: new Date(1) }
    const there = { timestamp: new Date(1), amount: 2, user_id: 'v' }
    assertSame([here, there, there, here])
  })

  it('grows the buffer in the midst of an event', () => {
    const long = { user_id: 'é'.repeat(400), amount: 1.5, tags: ['x'.repeat(2000)], clicked: 7 }
    assertSame([long, long])
  })

  it('is made once for a source, from what producers push', () => {
    const source = { schema, inputSchema: { seconds: t.Int64() } }
    const layout = layoutOf(source)
    assert.equal(layoutOf(source), layout)
    assert.deepEqual(
      layout!.slots.map(({ name, form }) => [name, form]),
      [['seconds', 'number']],
    )
  })

  it('is left out where a schema tells too little, or has too many fields', () => {
    const many = Array.from({ length: 257 }, (_, n) => [`f${n}`, t.Int64()])
    const schemas = [{}, { 'no name': t.Int64() }, Object.fromEntries(many)] as readonly Fields[]
    for (const schema of schemas) assert.equal(layoutOf({ schema }), null)
    assert.equal(layoutOf({}), null)
    const untyped = { schema: { a: null, b: {} } } as unknown as { schema: Fields }
    assert.deepEqual(
      layoutOf(untyped)!.slots.map(({ form }) => form),
      ['other', 'other'],
    )
  })
})
