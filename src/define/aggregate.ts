/**
 * `aggregate`: one feature, a column aggregated over a window.
 */
import type { Duration } from '../base/duration.ts'
import { functionLabel } from '../model/aggregate-function.ts'
import type { AggregateFunction } from '../model/aggregate-function.ts'
import type { Metadata, WindowMode } from '../model/catalog.ts'
import type { FunctionArgument, LabelOf } from './function.ts'
import { metadataOptions, type OptionNames } from './options.ts'
import { marked } from './site.ts'
import type { WindowArgument, WindowLabel, WindowSuffix } from './window.ts'

/** What {@link aggregate} returns. */
export interface Aggregate<
  Column extends string = string,
  Fn extends FunctionArgument = FunctionArgument,
  Window extends WindowArgument = WindowArgument,
  Name extends string | undefined = string | undefined,
> extends Metadata {
  readonly kind: 'millrace.aggregate'
  /** Undefined: the view gives it its default name. */
  readonly name: Name
  readonly column: Column
  readonly fn: Fn
  readonly window: Window
}

/** Options of {@link aggregate}. */
export interface AggregateOptions<Name extends string = string> extends Metadata {
  /** @defaultValue see {@link aggregate} */
  readonly name?: Name
}

/** For the loader. */
export const aggregateOptions = {
  name: true,
  ...metadataOptions,
} as const satisfies OptionNames<AggregateOptions>

/**
 * Defines a feature: `fn` of the non-null values of `column` in a window.
 *
 * Unless one is given, its name is made of the column, the function and the window as it is written
 * here, and of how the view keeps its windows: `clicked_sum_1h` in a sawtooth view,
 * `clicked_sum_1h_5m` in one of 5-minute intervals, `clicked_sum_1h_continuous` in a continuous
 * one.
 *
 * @param column  A field of the view's source or, if the view has one, of its `rowSchema`.
 * @param fn  `count` (any type); `sum`, `mean`, `var_pop`, `var_samp`, `stddev_pop`, `stddev_samp`
 * (numbers); `min` and `max` (numbers, strings, timestamps); `first` and `last` (any type, by event
 * time); or a call: {@link first}, {@link last}, {@link firstDistinct}, {@link lastDistinct},
 * {@link approxCountDistinct}, {@link approxPercentile}.
 * @param window  The length of a window that ends now: `'90s'`, `'1h30m'`, `'30d'`; or
 * {@link timeWindow}, {@link lifetimeWindow}, {@link windowSeries}.
 *
 * @example
 * ```ts
 * aggregate('clicked', 'sum', '1h')
 * aggregate('page', last(3), '1d')
 * aggregate('clicked', 'mean', '30d', { name: 'click_rate', description: 'Clicks per impression' })
 * ```
 */
export function aggregate<
  const Column extends string,
  const Fn extends FunctionArgument,
  const Window extends WindowArgument,
  const Options extends AggregateOptions = Metadata,
>(
  column: Column,
  fn: Fn,
  window: Window,
  options?: Options,
): Aggregate<Column, Fn, Window, GivenName<Options>> {
  const feature = { kind: 'millrace.aggregate', column, fn, window, ...options }
  return marked(feature as never, aggregate)
}

// Not a type parameter of its own: the compiler would infer it from where the result is used.
type GivenName<Options> = Options extends { readonly name: infer Name extends string }
  ? Name
  : undefined

/** The name of a feature in a view that keeps its windows like this. */
export type FeatureName<A, Mode extends WindowMode, Interval extends string> =
  A extends Aggregate<infer Column, infer Fn, infer Window, infer Name>
    ? Name extends string
      ? Name
      : `${Column}_${LabelOf<Fn>}_${WindowName<Window, Mode, Interval>}`
    : never

type WindowName<
  W extends WindowArgument,
  Mode extends WindowMode,
  Interval extends string,
> = `${WindowLabel<W>}${ModeSuffix<Mode, Interval>}${WindowSuffix<W>}`

type ModeSuffix<Mode extends WindowMode, Interval extends string> = Mode extends 'interval'
  ? `_${Interval}`
  : Mode extends 'continuous'
    ? '_continuous'
    : ''

/** The default name of a feature; {@link FeatureName} says it to the compiler. */
export function defaultName(
  { column, window }: Pick<Aggregate, 'column' | 'window'>,
  fn: AggregateFunction,
  view: { readonly mode: WindowMode; readonly aggregationInterval?: Duration },
): string {
  const { label, suffix } = typeof window === 'string' ? { label: window, suffix: '' } : window
  return `${column}_${functionLabel(fn)}_${label}${modeSuffix(view)}${suffix}`
}

function modeSuffix(view: {
  readonly mode: WindowMode
  readonly aggregationInterval?: Duration
}): string {
  if (view.mode === 'interval') return `_${view.aggregationInterval}`
  return view.mode === 'continuous' ? '_continuous' : ''
}
