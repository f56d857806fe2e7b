/**
 * `aggregate`: one feature, a column aggregated over a window.
 *
 * Which function takes which types, and what comes out, is said here once: the compiler reads the
 * tables as types, the loader reads them as data.
 */
import type { Duration } from '../base/duration.ts'
import type { AggregateFunction, Metadata } from '../model/catalog.ts'
import type { DataType } from '../model/types.ts'
import { marked } from './site.ts'
import type { FieldSchema, Kind, ValueOf } from './types.ts'

const integer = ['Int64', 'Int32'] as const
const numeric = [...integer, 'Float64', 'Float32'] as const
const ordered = [...numeric, 'String', 'Timestamp'] as const
const any = [...ordered, 'Bool', 'Array', 'Struct', 'Map'] as const

/** The types of column that a function takes; null values are passed over by all of them. */
export const inputKinds = {
  count: any,
  sum: numeric,
  mean: numeric,
  min: ordered,
  max: ordered,
  last: any,
} as const satisfies Record<AggregateFunction, readonly Kind[]>

/** The type of a feature: sums of integers are Int64, means Float64, counts Int64. */
export function outputType(fn: AggregateFunction, input: DataType): DataType {
  switch (fn) {
    case 'count':
      return { kind: 'Int64', nullable: true }
    case 'sum': {
      const isInteger = integer.some((kind) => kind === input.kind)
      return { kind: isInteger ? 'Int64' : 'Float64', nullable: true }
    }
    case 'mean':
      return { kind: 'Float64', nullable: true }
    case 'min':
    case 'max':
    case 'last':
      return { ...input, nullable: true }
  }
}

/** The value of a feature, as {@link outputType} says it to the compiler. */
export type FeatureValue<Fn extends AggregateFunction, S extends FieldSchema> = Fn extends 'count'
  ? bigint | null
  : Fn extends 'mean'
    ? number | null
    : Fn extends 'sum'
      ? (S extends FieldSchema<(typeof integer)[number]> ? bigint : number) | null
      : ValueOf<S> | null

/** What {@link aggregate} returns. */
export interface Aggregate<
  Name extends string = string,
  Column extends string = string,
  Fn extends AggregateFunction = AggregateFunction,
> extends Metadata {
  readonly kind: 'millrace.aggregate'
  readonly name: Name
  readonly column: Column
  readonly fn: Fn
  readonly window: Duration
}

/** Options of {@link aggregate}. */
export interface AggregateOptions<Name extends string = string> extends Metadata {
  /** @defaultValue `{column}_{fn}_{window}` */
  readonly name?: Name
}

/**
 * Defines a feature: `fn` of the non-null values of `column` in the window that ends now.
 *
 * Its name is `{column}_{fn}_{window}` with the window as it is written here, `clicked_sum_1h`,
 * unless one is given.
 *
 * @param column  A field of the view's source or, if the view has one, of its `rowSchema`.
 * @param fn  `count` (any type), `sum` and `mean` (numbers), `min` and `max` (numbers, strings,
 * timestamps), `last` (any type; by event time).
 * @param window  Length of the window: `'90s'`, `'1h'`, `'1h30m'`, `'30d'`. Odd lengths such as
 * `'30h1s'` may be refused, because too many tiles make one up; the error names what fits.
 *
 * @example
 * ```ts
 * aggregate('clicked', 'sum', '1h')
 * aggregate('clicked', 'mean', '30d', { name: 'click_rate', description: 'Clicks per impression' })
 * ```
 */
export function aggregate<
  const Column extends string,
  const Fn extends AggregateFunction,
  const Window extends Duration,
  const Options extends AggregateOptions = Metadata,
>(
  column: Column,
  fn: Fn,
  window: Window,
  options?: Options,
): Aggregate<FeatureName<Column, Fn, Window, Options>, Column, Fn> {
  const { name = `${column}_${fn}_${window}`, ...metadata }: AggregateOptions = options ?? {}
  const feature: Aggregate = { kind: 'millrace.aggregate', name, column, fn, window, ...metadata }
  return marked(
    feature as Aggregate<FeatureName<Column, Fn, Window, Options>, Column, Fn>,
    aggregate,
  )
}

// Not a type parameter of its own: the compiler would infer it from where the result is used.
type FeatureName<
  Column extends string,
  Fn extends string,
  Window extends string,
  Options,
> = Options extends { readonly name: infer Name extends string }
  ? Name
  : `${Column}_${Fn}_${Window}`
