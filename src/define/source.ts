/**
 * `pushSource`: a stream of events of one schema, pushed by producers.
 */
import type { Metadata } from '../model/catalog.ts'
import { marked } from './site.ts'
import type { Fields, FieldSchema, InputRow, ValueRow } from './types.ts'

/** What {@link pushSource} returns. */
export interface PushSource<
  Name extends string = string,
  F extends Fields = Fields,
> extends Metadata {
  readonly kind: 'millrace.pushSource'
  readonly name: Name
  readonly schema: F
  /** Absent: the only Timestamp field of the schema. */
  readonly timestampField?: string
}

/** Options of {@link pushSource}. */
export type PushSourceOptions<Name extends string, F extends Fields> = Metadata & {
  /** Letters, digits and single underscores. */
  readonly name: Name
  /** The fields of an event. An event with any other field is rejected. */
  readonly schema: F
} & TimestampChoice<F>

/** What a producer pushes into a source: `EventOf<typeof impressions>`. */
export type EventOf<S extends PushSource> = InputRow<S['schema']>

/** An event of a source as a transform gets it: `RowOf<typeof impressions>`. */
export type RowOf<S extends PushSource> = ValueRow<S['schema']>

/**
 * Defines a push source.
 *
 * `timestampField` names the field that holds an event's time, a Timestamp that is not nullable;
 * it may be left out when the schema has exactly one.
 *
 * @example
 * ```ts
 * export const impressions = pushSource({
 *   name: 'impressions',
 *   schema: { user_id: t.String(), timestamp: t.Timestamp(), clicked: t.Int64() },
 * })
 * ```
 */
export function pushSource<const Name extends string, const F extends Fields>(
  options: PushSourceOptions<Name, F>,
): PushSource<Name, F> {
  const source = { ...options, kind: 'millrace.pushSource' } as const
  return marked(source as PushSource<Name, F>, pushSource)
}

type TimestampName<F extends Fields> = {
  [K in keyof F]: F[K] extends FieldSchema<'Timestamp', bigint> ? K : never
}[keyof F] &
  string

// A schema whose field names are not known to the compiler is left to the loader.
type TimestampChoice<F extends Fields> = string extends keyof F
  ? { readonly timestampField?: string }
  : [TimestampName<F>] extends [never]
    ? { readonly timestampField: 'the schema has no t.Timestamp() field that is not nullable' }
    : IsUnion<TimestampName<F>> extends true
      ? { readonly timestampField: TimestampName<F> }
      : { readonly timestampField?: TimestampName<F> }

type IsUnion<T, All = T> = T extends unknown ? ([All] extends [T] ? false : true) : never
