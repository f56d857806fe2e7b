/**
 * Every aggregate function, over an hour, a day and a week, in every kind of window.
 *
 * Nobody needs all of them: `check.ts` reads them at random moments and compares each with DuckDB.
 * The definitions to begin with are in `features.ts`.
 */
import {
  aggregate,
  approxCountDistinct,
  approxPercentile,
  first,
  firstDistinct,
  last,
  lastDistinct,
  streamFeatureView,
} from 'millrace'
import { airport, flights } from './features.ts'

// What views refer to is exported beside them, for the daemon that serves this file.
export { airport, flights }

/** Of airports and of delays. */
const ofAnything = [
  'count',
  'min',
  'max',
  'first',
  'last',
  first(3),
  last(3),
  firstDistinct(3),
  lastDistinct(3),
  approxCountDistinct(),
] as const

/** Of delays. */
const ofNumbers = [
  ...ofAnything,
  'sum',
  'mean',
  'var_pop',
  'var_samp',
  'stddev_pop',
  'stddev_samp',
  approxPercentile(0.5),
  approxPercentile(0.99),
] as const

const features = (['1h', '1d', '7d'] as const).flatMap((window) => [
  ...ofNumbers.map((fn) => aggregate('delay', fn, window)),
  ...ofAnything.map((fn) => aggregate('destination', fn, window)),
])

const common = {
  source: flights,
  entities: [airport],
  leadingEdge: 'latest-event',
  features,
} as const

/** From a tile's edge to the latest flight. */
export const sawtooth = streamFeatureView({ ...common, name: 'sawtooth' })

/** Whole half hours only. */
export const interval = streamFeatureView({
  ...common,
  name: 'interval',
  mode: 'interval',
  aggregationInterval: '30m',
})

/** To the millisecond at both ends. */
export const continuous = streamFeatureView({ ...common, name: 'continuous', mode: 'continuous' })
