/**
 * The windows of features as a features file writes them: a length, or a call such as
 * `timeWindow('7d', { offset: '3d' })`.
 */
import type { Duration } from '../base/duration.ts'
import type { OptionNames } from './options.ts'

/** What {@link timeWindow}, {@link lifetimeWindow} and {@link windowSeries} return. */
export interface WindowCall<
  Label extends string = string,
  Suffix extends string = string,
  IsSeries extends boolean = boolean,
> {
  readonly kind: 'millrace.window'
  readonly window:
    | { readonly kind: 'time'; readonly size: Duration; readonly offset: Duration }
    | { readonly kind: 'lifetime' }
    | {
        readonly kind: 'series'
        readonly size: Duration
        readonly from: Duration
        readonly to: Duration
        readonly step: Duration
      }
  /** As it stands in a feature's name, before and after how its edges are kept. */
  readonly label: Label
  readonly suffix: Suffix
  /** As they were given; a {@link lifetimeWindow} has none. */
  readonly options?: unknown
  readonly '~isSeries': IsSeries
}

/** What {@link aggregate} takes for a window. */
export type WindowArgument = Duration | WindowCall

/** Options of {@link timeWindow}. */
export interface TimeWindowOptions<Offset extends Duration> {
  /** How long before the moment of the read the window ends. */
  readonly offset: Offset
}

/** For the loader. */
export const timeWindowOptions = {
  offset: true,
} as const satisfies OptionNames<TimeWindowOptions<Duration>>

/**
 * The window of length `size` that ends `offset` before the moment of the read.
 *
 * @example
 * ```ts
 * // The week before this week.
 * aggregate('amount', 'sum', timeWindow('7d', { offset: '7d' }))
 * ```
 */
export function timeWindow<const Size extends Duration, const Offset extends Duration>(
  size: Size,
  options: TimeWindowOptions<Offset>,
): WindowCall<`${Size}_offset_${Offset}`, '', false> {
  const { offset } = given(options)
  const label = `${size}_offset_${offset}` as const
  return { ...windowCall({ kind: 'time', size, offset }, label, ''), options }
}

/** All events from the view's `lifetimeStart` on. */
export function lifetimeWindow(): WindowCall<'lifetime', '', false> {
  return windowCall({ kind: 'lifetime' }, 'lifetime', '')
}

/** Options of {@link windowSeries}. */
export interface WindowSeriesOptions<From extends Duration, To extends Duration, Step> {
  /** How long before the moment of the read the first window begins. */
  readonly from: From
  /** How long before it the last window ends. @defaultValue `'0s'` */
  readonly to?: To
  /** From the beginning of one window to that of the next. @defaultValue the size */
  readonly step?: Step
}

/** For the loader. */
export const windowSeriesOptions = {
  from: true,
  to: true,
  step: true,
} as const satisfies OptionNames<WindowSeriesOptions<Duration, Duration, Duration>>

/**
 * Several windows of length `size`, one `step` after the other; the value of the feature is the
 * list of theirs, the earliest first, null for a window without events.
 *
 * @example
 * ```ts
 * // Sales of each of the last seven days.
 * aggregate('amount', 'sum', windowSeries('1d', { from: '7d' }))
 * ```
 */
export function windowSeries<
  const Size extends Duration,
  const From extends Duration,
  const To extends Duration = '0s',
  const Step extends Duration = Size,
>(
  size: Size,
  options: WindowSeriesOptions<From, To, Step>,
): WindowCall<Size, `_series_${From}_${To}_${Step}`, true> {
  const { from, to = '0s' as To, step = size as Duration as Step } = given(options)
  const suffix: string = `_series_${from}_${to}_${step}`
  const call = windowCall({ kind: 'series', size, from, to, step }, size, suffix as never)
  return { ...(call as WindowCall<Size, never, true>), options }
}

/** Options, though a file that was never compiled may have left them out; the loader says so. */
function given<Options extends object>(options: Options | null | undefined): Options {
  return options ?? ({} as Options)
}

function windowCall<Label extends string, Suffix extends string, IsSeries extends boolean>(
  window: WindowCall['window'],
  label: Label,
  suffix: Suffix,
): WindowCall<Label, Suffix, IsSeries> {
  const call = { kind: 'millrace.window', window, label, suffix }
  return call as WindowCall<Label, Suffix, IsSeries>
}

/** A window as it stands in a feature's name, before how its edges are kept. */
export type WindowLabel<W extends WindowArgument> = W extends WindowCall<infer Label> ? Label : W

/** And what stands behind that. */
export type WindowSuffix<W extends WindowArgument> =
  W extends WindowCall<string, infer Suffix> ? Suffix : ''

/** The value of a feature over the window, given that over one of its windows. */
export type WindowValue<W extends WindowArgument, Value> =
  W extends WindowCall<string, string, infer IsSeries>
    ? IsSeries extends true
      ? readonly Value[] | null
      : Value
    : Value
