/**
 * Views, events and stories for the property tests of the engine.
 *
 * Windows from ten seconds to a week, events a little before and after them, many of them at the
 * same moment; integers up to the ends of their types, doubles near each other and far apart.
 */
import fc from 'fast-check'
import { aggregate, type Aggregate } from '../../src/define/aggregate.ts'
import { attribute } from '../../src/define/attribute.ts'
import { lifetimeWindow, timeWindow, windowSeries } from '../../src/define/window.ts'
import {
  approxCountDistinct,
  approxPercentile,
  first,
  firstDistinct,
  last,
  lastDistinct,
  type FunctionArgument,
} from '../../src/define/function.ts'
import { functionLabel } from '../../src/model/aggregate-function.ts'
import type { Step } from './shard-story.ts'
import { startMs, type RawEvent, type StoryView } from './story-view.ts'

const second = 1000
/** Exact for as many values as a story has. */
const anyType = [
  'count',
  'first',
  'last',
  first(2),
  last(3),
  firstDistinct(2),
  lastDistinct(3),
  approxCountDistinct(12),
] as const
const ordered = [...anyType, 'min', 'max'] as const
const numeric = [
  ...ordered,
  'sum',
  'mean',
  'var_pop',
  'var_samp',
  'stddev_pop',
  'stddev_samp',
  approxPercentile(0.3, 500),
  approxPercentile(1, 500),
] as const
const columns: Readonly<Record<string, readonly FunctionArgument[]>> = {
  whole: numeric,
  small: numeric,
  amount: numeric,
  place: ordered,
}

const pairs = Object.entries(columns).flatMap(([column, functions]) =>
  functions.map((fn) => ({ column, fn })),
)

/** Windows whose text says whether two are the same. */
function windowsOf(sizes: readonly string[], offsets: readonly string[]) {
  const size = fc.constantFrom(...(sizes as readonly '1h'[]))
  const offset = fc.constantFrom(...(offsets as readonly '1h'[]))
  return fc.oneof(
    { weight: 3, arbitrary: size },
    { weight: 2, arbitrary: fc.tuple(size, offset).map(([w, o]) => timeWindow(w, { offset: o })) },
  )
}

const series = [
  windowSeries('1h', { from: '6h' }),
  windowSeries('2h', { from: '8h', to: '2h', step: '1h' }),
  windowSeries('1h', { from: '1d', step: '23h' }),
]
const shortSeries = [
  windowSeries('10s', { from: '40s' }),
  windowSeries('90s', { from: '10m', to: '1m', step: '50s' }),
]

function features(windows: fc.Arbitrary<Aggregate['window']>): fc.Arbitrary<Aggregate[]> {
  return fc
    .uniqueArray(fc.record({ pair: fc.constantFrom(...pairs), window: windows }), {
      minLength: 1,
      maxLength: 8,
      selector: ({ pair, window }) =>
        [
          pair.column,
          typeof pair.fn === 'string' ? pair.fn : functionLabel(pair.fn.fn),
          typeof window === 'string' ? window : window.label + window.suffix,
        ].join(' '),
    })
    .map((list) => list.map(({ pair, window }) => aggregate(pair.column, pair.fn, window)))
}

/** Windows whose tiles lie in one another; some narrow ones reach further back than wide ones. */
const nestedWindows = [
  '10s',
  '90s',
  '10m',
  '61m',
  '1d',
  '7d',
  timeWindow('10s', { offset: '1d' }),
  timeWindow('90s', { offset: '2h' }),
  windowSeries('1h', { from: '6h' }),
] as const

const folded = ['count', 'sum', 'mean', 'min', 'max', 'first', 'last'] as const
const mostly = fc.nat({ max: 3 }).map((n) => n > 0)

/** Functions whose tiles are folded, each over most of several windows. */
const nestedFeatures: fc.Arbitrary<Aggregate[]> = fc
  .record({
    functions: fc.subarray([...folded], { minLength: 1, maxLength: 3 }),
    names: fc.subarray(['whole', 'small', 'amount'] as const, { minLength: 1, maxLength: 2 }),
    windows: fc.subarray([...nestedWindows], { minLength: 2 }),
    isThere: fc.array(mostly, { minLength: 54, maxLength: 54 }),
  })
  .map(({ functions, names, windows, isThere }) => {
    const all = names.flatMap((name) =>
      functions.flatMap((fn) => windows.map((window) => aggregate(name, fn, window))),
    )
    const some = all.filter((_, n) => isThere[n])
    return some.length === 0 ? all : some
  })

const leadingEdge = fc.constantFrom('wall-clock' as const, 'latest-event' as const)

/** Views of which wider tiles are folded. */
export const nestedViews: fc.Arbitrary<StoryView> = fc.record({
  mode: fc.constant('sawtooth' as const),
  leadingEdge,
  features: nestedFeatures,
})

const plainViews: fc.Arbitrary<StoryView> = fc.oneof(
  { weight: 3, arbitrary: nestedViews },
  {
    weight: 3,
    arbitrary: fc.record({
      mode: fc.constant('sawtooth' as const),
      leadingEdge,
      lifetimeStart: fc
        .constantFrom(0, -5 * second, -8 * 86_400 * second)
        .map((ms) => new Date(startMs + ms)),
      features: features(
        fc.oneof(
          {
            weight: 6,
            arbitrary: windowsOf(['10s', '90s', '10m', '61m', '1d', '7d'], ['1s', '95s', '1d']),
          },
          { weight: 1, arbitrary: fc.constantFrom(...series, ...shortSeries, lifetimeWindow()) },
        ),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      mode: fc.constant('interval' as const),
      aggregationInterval: fc.constantFrom('10s' as const, '1m' as const, '1h' as const),
      leadingEdge,
      features: features(
        fc.oneof(
          { weight: 4, arbitrary: windowsOf(['1h', '2h', '1d'], ['1h', '3h']) },
          { weight: 1, arbitrary: fc.constantFrom(...series) },
        ),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      mode: fc.constant('continuous' as const),
      leadingEdge,
      lifetimeStart: fc
        .constantFrom(0, -5 * second, -8 * 86_400 * second)
        .map((ms) => new Date(startMs + ms)),
      features: features(
        fc.oneof(
          {
            weight: 6,
            arbitrary: windowsOf(
              ['1s', '10s', '90s', '10m', '61m', '1d', '7d'],
              ['1ms', '1s', '95s', '1d'],
            ),
          },
          { weight: 1, arbitrary: fc.constantFrom(...series, ...shortSeries, lifetimeWindow()) },
        ),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        mode: fc.constant('sawtooth' as const),
        leadingEdge,
        ttl: fc.constantFrom('10s' as const, '1h' as const),
        features: fc
          .subarray(Object.keys(columns), { minLength: 1 })
          .map((names) => names.map((name) => attribute(name))),
      },
      { requiredKeys: ['mode', 'leadingEdge', 'features'] },
    ),
  },
)

/** The view without a beginning of lifetimes that none of its windows has. */
function withoutEffect(view: StoryView): StoryView {
  const { lifetimeStart, ...rest } = view
  const isLifetime = view.features.some(
    (feature) =>
      feature.kind === 'millrace.aggregate' &&
      typeof feature.window !== 'string' &&
      feature.window.window.kind === 'lifetime',
  )
  return isLifetime || lifetimeStart === undefined ? view : rest
}

const dedupe = fc.constantFrom({}, { dedupe: { by: 'event-time' as const } })
const isSplit = fc.constantFrom({}, {}, { isSplit: true })

/** A view of the story's source. */
export const views: fc.Arbitrary<StoryView> = fc
  .tuple(plainViews, fc.boolean(), dedupe, isSplit)
  .map(([plain, isApart, rule, splits]) => {
    const view = { ...withoutEffect(plain), ...rule, ...splits }
    const mayBeApart = view.features.every(
      (feature) =>
        feature.kind === 'millrace.aggregate' &&
        (typeof feature.window === 'string' || feature.window.suffix === ''),
    )
    return isApart && mayBeApart ? { ...view, aggregationSecondaryKey: 'tag' } : view
  })

const whole = fc.oneof(
  fc.bigInt({ min: -50n, max: 50n }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
)
const small = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.integer())
const amount = fc
  .oneof(
    fc.integer({ min: -(2 ** 40), max: 2 ** 40 }).map((n) => n / 1024),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  )
  .map((n) => n + 0)
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
  tag: fc.constantFrom('red', 'green', '\u{1f600}', '\uffee'),
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

/** @param advanceMs  How far the clock moves. */
function stepsOf(advanceMs: fc.Arbitrary<number>): fc.Arbitrary<Step[]> {
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('batch' as const),
        events: events({ uniqueTimes: false }),
        advanceMs,
        betweenMs: fc.constantFrom(0, 0, 3, 1000),
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
  return fc.array(step, { minLength: 1, maxLength: 14 })
}

/** Keys that may be new on a day; the stories have three, and some go on past midnight. */
const newKeysPerDay = fc.constantFrom(
  {},
  {},
  { newKeysPerDay: 0 },
  { newKeysPerDay: 1 },
  { newKeysPerDay: 2 },
)

export const stories = fc.record({
  view: fc.tuple(views, newKeysPerDay).map(([view, limit]): StoryView => ({ ...view, ...limit })),
  steps: stepsOf(advanceMs),
})

/** Events that come around the clock, which may move by days, and views whose tiles are folded. */
export const foldedStories = fc.record({
  view: nestedViews,
  steps: stepsOf(fc.oneof(advanceMs, fc.integer({ min: 0, max: 3 * 86_400 * second }))).map(walked),
})

/** The same steps with times of events from the clock of their batch on, not from the start. */
function walked(steps: readonly Step[]): Step[] {
  let agoNs = 0n
  return steps.map((step) => {
    if (step.kind === 'read') agoNs += BigInt(step.aheadMs) * 1_000_000n
    if (step.kind !== 'batch') return step
    agoNs += BigInt(step.advanceMs) * 1_000_000n
    const shiftNs = agoNs
    const moved = step.events.map((each) => ({ ...each, timeNs: each.timeNs + shiftNs }))
    return { ...step, events: moved }
  })
}
