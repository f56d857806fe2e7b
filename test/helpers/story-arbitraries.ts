/**
 * Views, events and stories for the property tests of the engine.
 *
 * Windows from ten seconds to a week, events a little before and after them, many of them at the
 * same moment; integers up to the ends of their types, doubles whose sums are exact in 106 bits.
 */
import fc from 'fast-check'
import { aggregate, type Aggregate } from '../../src/define/aggregate.ts'
import type { AggregateFunction } from '../../src/model/catalog.ts'
import { startMs, type RawEvent, type Step, type StoryView } from './shard-story.ts'

const second = 1000
const columns: Readonly<Record<string, readonly AggregateFunction[]>> = {
  whole: ['count', 'sum', 'mean', 'min', 'max', 'last'],
  small: ['count', 'sum', 'mean', 'min', 'max', 'last'],
  amount: ['count', 'sum', 'mean', 'min', 'max', 'last'],
  place: ['count', 'min', 'max', 'last'],
}

const pairs = Object.entries(columns).flatMap(([column, functions]) =>
  functions.map((fn) => ({ column, fn })),
)

function features(windows: readonly string[]): fc.Arbitrary<Aggregate[]> {
  const feature = fc.record({
    pair: fc.constantFrom(...pairs),
    window: fc.constantFrom(...windows),
  })
  return fc
    .uniqueArray(feature, {
      minLength: 1,
      maxLength: 8,
      selector: ({ pair, window }) => `${pair.column} ${pair.fn} ${window}`,
    })
    .map((list) =>
      list.map(({ pair, window }) => aggregate(pair.column, pair.fn, window as '1h') as Aggregate),
    )
}

const leadingEdge = fc.constantFrom('wall-clock' as const, 'latest-event' as const)

/** A view of the story's source. */
export const views: fc.Arbitrary<StoryView> = fc.oneof(
  fc.record({
    mode: fc.constant('sawtooth' as const),
    leadingEdge,
    features: features(['10s', '90s', '10m', '1h', '1d', '7d']),
  }),
  fc.record({
    mode: fc.constant('interval' as const),
    aggregationInterval: fc.constantFrom('10s' as const, '1m' as const, '1h' as const),
    leadingEdge,
    features: features(['1h', '2h', '1d']),
  }),
)

const whole = fc.oneof(
  fc.bigInt({ min: -50n, max: 50n }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
)
const small = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.integer())
/** Multiples of 2⁻¹⁰ below 2³⁰: a thousand of them add up exactly. */
const amount = fc.integer({ min: -(2 ** 40), max: 2 ** 40 }).map((n) => n / 1024 + 0)
const place = fc.oneof(fc.constantFrom('AMS', 'LAS', '\u{1f600}', '\uffee', ''), fc.string())

/** How far before or after the start an event's time may lie, ms: all scales alike. */
const offset = fc.oneof(
  fc.constantFrom(0, 1, -1, -300 * second, 10 * second),
  fc.integer({ min: -20 * second, max: 100 * second }),
  fc.integer({ min: -4000 * second, max: 200 * second }),
  fc.integer({ min: -8 * 86_400 * second, max: 290 * second }),
)

const event: fc.Arbitrary<RawEvent> = fc.record({
  id: fc.constantFrom('a', 'b', 'c'),
  timeNs: fc
    .tuple(offset, fc.constantFrom(0, 0, 1, 999_999))
    .map(([ms, ns]) => BigInt(startMs + ms) * 1_000_000n + BigInt(ns)),
  whole: fc.option(whole, { freq: 4 }),
  small: fc.option(small, { freq: 4 }),
  amount: fc.option(amount, { freq: 4 }),
  place: fc.option(place, { freq: 4 }),
})

export function events(options: { uniqueTimes: boolean }): fc.Arbitrary<RawEvent[]> {
  if (!options.uniqueTimes) return fc.array(event, { minLength: 1, maxLength: 8 })
  return fc.uniqueArray(event, { minLength: 1, maxLength: 30, selector: ({ timeNs }) => timeNs })
}

/** How far the clock moves between two batches, ms. */
const advanceMs = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 20 * second }),
  fc.integer({ min: 0, max: 5000 * second }),
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('batch' as const),
      events: events({ uniqueTimes: false }),
      advanceMs,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), aheadMs: advanceMs }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('checkpoint', 'begin', 'turn', 'evict', 'crash', 'power loss'),
    }) as fc.Arbitrary<Step>,
  },
)

export const stories = fc.record({
  view: views,
  steps: fc.array(step, { minLength: 1, maxLength: 14 }),
})
