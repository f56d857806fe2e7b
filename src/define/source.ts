/**
 * `pushSource`: a stream of events of one schema, pushed by producers.
 *
 * Producers may push raw events of another shape, the `inputSchema`; then the `postProcessor` makes
 * a row of the schema of each. Views, features and readers know the schema only.
 */
import type { Duration } from '../base/duration.ts'
import type { Metadata } from '../model/catalog.ts'
import type { eventIdKinds } from '../model/key.ts'
import type { BatchSource } from './batch.ts'
import { metadataOptions, type OptionNames } from './options.ts'
import { marked } from './site.ts'
import type { Fields, FieldSchema, InputRow, ValueOf, ValueRow } from './types.ts'

/** What {@link pushSource} returns. `'~input'` exists for the compiler only. */
export interface PushSource<
  Name extends string = string,
  F extends Fields = Fields,
  Input extends Fields = Fields,
> extends Metadata {
  readonly kind: 'millrace.pushSource'
  readonly name: Name
  readonly schema: F
  /** What producers push; absent: the schema. */
  readonly inputSchema?: Fields
  readonly postProcessor?: (event: never) => unknown
  /** Absent: the only Timestamp field of the schema. */
  readonly timestampField?: string
  readonly dedupe?: DedupeRule
  readonly batch?: BatchSource
  readonly offline?: boolean
  readonly streamStartTime?: string | Date
  /** The fields that producers push. */
  readonly '~input': Input
}

/** Options of {@link pushSource}. */
export type PushSourceOptions<
  Name extends string,
  F extends Fields,
  Input extends Fields = F,
> = Metadata & {
  /** Letters, digits and single underscores. */
  readonly name: Name
  /** The fields of an event. An event with any other field is rejected. */
  readonly schema: F
  /**
   * When two events are one, beside the sequences by which a producer's own repeats are known.
   *
   * @defaultValue `{ by: 'sequence' }`
   */
  readonly dedupe?: DedupeRule<EventIdName<F>>
  /**
   * Where the past of the stream is: events of the schema, whatever producers push. Training sets
   * are made of it. Its columns are at least the fields of the schema.
   */
  readonly batch?: BatchSource<ValueRow<NoInfer<F>>>
  /**
   * Whether the events that count are also written to the offline log, Parquet files on disk.
   *
   * @defaultValue false
   */
  readonly offline?: boolean
  /**
   * Where the stream begins and the batch source ends, for views that a store sees for the first
   * time: events before count from the batch source alone, later ones from the stream alone.
   *
   * @defaultValue the time at which the store first sees the view
   */
  readonly streamStartTime?: string | Date
} & TimestampChoice<F> &
  InputChoice<F, Input>

/** For the loader. */
export const pushSourceOptions = {
  name: true,
  schema: true,
  timestampField: true,
  dedupe: true,
  inputSchema: true,
  postProcessor: true,
  batch: true,
  offline: true,
  streamStartTime: true,
  ...metadataOptions,
} as const satisfies OptionNames<PushSourceOptions<string, Fields>>

/**
 * When two events of a source are one.
 *
 * - `sequence`: never. What a producer sends again after a lost connection is counted once, by its
 *   sequences; two events with sequences of their own are two.
 * - `event-id`: events of the same join keys whose `field` has the same value are one when they
 *   arrive within `horizon`, counted from the first of them that was counted. The first counts,
 *   later ones are acknowledged as duplicates, whatever else they say. A rejected event has counted
 *   nowhere: its correction may have its id. For several producers that may push the same event, or
 *   one that forgets where it was.
 * - `event-time`: events of the same join keys and the same event time are one. The last to arrive
 *   counts and takes the place of the one before. For corrections, and for sources that have at
 *   most one event of an entity at a time. Every event is kept on disk as long as a window reaches.
 */
export type DedupeRule<EventId extends string = string> =
  | { readonly by: 'sequence' }
  | {
      readonly by: 'event-id'
      /**
       * A field of the schema: a String or an integer that is not nullable. An event with an empty
       * string, or more than 256 bytes, is rejected.
       */
      readonly field: EventId
      readonly horizon: Duration
    }
  | { readonly by: 'event-time' }

/** What a producer pushes into a source: `EventOf<typeof impressions>`. */
export type EventOf<S extends PushSource> = InputRow<S['~input']>

/** An event of a source as a transform gets it: `RowOf<typeof impressions>`. */
export type RowOf<S extends PushSource> = ValueRow<S['schema']>

/**
 * Defines a push source.
 *
 * `timestampField` names the field that holds an event's time, a Timestamp that is not nullable;
 * it may be left out when the schema has exactly one. It is a field of the schema always: with a
 * `postProcessor`, event time is what that gives, and the `inputSchema` needs no Timestamp.
 *
 * @example
 * ```ts
 * export const impressions = pushSource({
 *   name: 'impressions',
 *   schema: { user_id: t.String(), timestamp: t.Timestamp(), clicked: t.Int64() },
 * })
 * ```
 */
export function pushSource<
  const Name extends string,
  const F extends Fields,
  const Input extends Fields = F,
>(options: PushSourceOptions<Name, F, Input>): PushSource<Name, F, Input> {
  const source = { ...options, kind: 'millrace.pushSource' }
  return marked(source as never, pushSource)
}

type InputChoice<F extends Fields, Input extends Fields> =
  | { readonly inputSchema?: never; readonly postProcessor?: never }
  | {
      /**
       * The fields that producers push, in place of `schema`; a raw event with any other field is
       * rejected. Every join key of the source's views is among them, with the type it has in
       * `schema`: events are routed by it before anything else is known of them.
       */
      readonly inputSchema: Input
      /**
       * Makes the row of a raw event, which is read-only, or with null leaves the event out: it is
       * accepted and counts nowhere. Pure: the same raw event gives the same row always. It may not
       * change a join key; what it throws rejects the event.
       */
      readonly postProcessor: (event: ValueRow<Input>) => ValueRow<NoInfer<F>> | null
    }

type EventIdName<F extends Fields> = string extends keyof F
  ? string
  : {
      [K in keyof F]: F[K] extends FieldSchema<(typeof eventIdKinds)[number]>
        ? null extends ValueOf<F[K]>
          ? never
          : K
        : never
    }[keyof F] &
      string

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
