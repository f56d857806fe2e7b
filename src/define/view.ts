/**
 * `streamFeatureView`: features of an entity, computed from the events of one source.
 *
 * What a view asks of its source is checked twice: by the compiler, with the types at the end of
 * this file, and when the file is loaded (`define/catalog.ts`).
 */
import type { Duration } from '../base/duration.ts'
import type { LeadingEdge, Metadata, WindowMode } from '../model/catalog.ts'
import type { keyKinds } from '../model/key.ts'
import type { Aggregate, FeatureName } from './aggregate.ts'
import type { Attribute } from './attribute.ts'
import type { Entity } from './entity.ts'
import type {
  FunctionArgument,
  FunctionValue,
  inputKinds,
  NameOf,
  WrittenName,
} from './function.ts'
import { metadataOptions, type OptionNames } from './options.ts'
import { marked } from './site.ts'
import { selectable, type NoRequest, type Selectable } from './selection.ts'
import type { PushSource } from './source.ts'
import type {
  Fields,
  FieldSchema,
  Flat,
  InputRow,
  Intersection,
  ValueOf,
  ValueRow,
} from './types.ts'
import type { WindowLabel, WindowValue } from './window.ts'

/** One feature of a view, as it is defined. */
export type FeatureDefinition = Aggregate | Attribute

/** What {@link streamFeatureView} returns. `'~…'` members exist for the compiler only. */
export interface StreamFeatureView<
  Name extends string = string,
  JoinKeys = unknown,
  Features = unknown,
>
  extends Metadata, Selectable<Name, JoinKeys, Features, NoRequest> {
  readonly kind: 'millrace.streamFeatureView'
  readonly name: Name
  readonly source: PushSource
  readonly entities: readonly Entity[]
  readonly features: readonly FeatureDefinition[]
  readonly mode: WindowMode
  readonly aggregationInterval?: Duration
  readonly lifetimeStart?: string | Date
  readonly featureStartTime?: string | Date
  readonly ttl?: Duration
  readonly aggregationSecondaryKey?: string
  readonly leadingEdge: LeadingEdge
  readonly onlineServingIndex?: readonly string[]
  readonly newKeysPerDay?: number
  readonly online: boolean
  readonly transform?: (event: never) => unknown
  readonly rowSchema?: Fields
}

/** Options of {@link streamFeatureView}. */
export type StreamFeatureViewOptions<
  Name extends string,
  SourceName extends string,
  F extends Fields,
  Entities extends readonly Entity[],
  Features extends readonly FeatureDefinition[],
  Row extends Fields,
  Mode extends WindowMode = WindowMode,
  Interval extends Duration = Duration,
  Input extends Fields = Fields,
  SecondaryKey extends string = string,
> = Metadata &
  WindowOptions<Mode, Interval> & {
    /** Letters, digits and single underscores. */
    readonly name: Name
    readonly source: PushSource<SourceName, F, Input>
    /** Whom the features are about; the join keys of all of them together are the key. */
    readonly entities: Entities & CheckedEntities<Entities, SourceName, F, Input>
    /** Aggregates, or attributes; not both. */
    readonly features: Features & CheckedFeatures<Features, Row>
    /** From when on a {@link lifetimeWindow} counts; events before are too late for it. */
    readonly lifetimeStart?: string | Date
    /**
     * Where a backfill begins in the batch source of the view's source: event times before are
     * left out.
     *
     * @defaultValue the first row of the batch source
     */
    readonly featureStartTime?: string | Date
    /**
     * How long the latest row is served, in a view of attributes.
     *
     * @defaultValue for ever
     */
    readonly ttl?: CheckedTtl<Features>
    /**
     * A column by whose values all aggregates are kept apart. The value of a feature is then a
     * list, in the order of those values; which they are says, for each window, a feature
     * `{column}_keys_{window}`.
     */
    readonly aggregationSecondaryKey?: CheckedSecondaryKey<SecondaryKey, Features, Row>
    /**
     * What "now" is when a window is read: the wall clock, or the newest event time of the stream.
     *
     * @defaultValue `'wall-clock'`
     */
    readonly leadingEdge?: LeadingEdge
    /**
     * Some of the join keys, not all: a read that gives these and no others finds every known
     * combination with the rest. The store keeps an index for it.
     */
    readonly onlineServingIndex?: readonly NoInfer<JoinKeyName<Entities>>[]
    /**
     * Keys that producers may bring into the view on one day, UTC: events of more are answered
     * `EVENT_CARDINALITY`. It may be changed at any time.
     *
     * @defaultValue 100 million
     */
    readonly newKeysPerDay?: number
    /**
     * Whether the features can be read. Events are checked and acknowledged either way.
     *
     * @defaultValue true
     */
    readonly online?: boolean
    /**
     * Makes rows from an event: one, several or, with null, none. Pure: the same event gives the
     * same rows always. The join keys and the event time are the event's, whatever the rows say.
     */
    readonly transform?: (
      event: ValueRow<F>,
    ) => ValueRow<NoInfer<Row>> | readonly ValueRow<NoInfer<Row>>[] | null
    /**
     * The columns of the transform's rows, which the features aggregate.
     *
     * @defaultValue the schema of the source
     */
    readonly rowSchema?: Row
  }

type WindowOptions<Mode extends WindowMode, Interval extends Duration> =
  | {
      /**
       * How the edges of a window are kept. `sawtooth`: exact at the leading edge, on a tile's
       * boundary at the trailing edge, at most a tenth of the window too early. `continuous`: exact
       * at both, for which events are kept on disk as long as a window reaches. `interval`:
       * complete tiles of `aggregationInterval` only.
       *
       * @defaultValue `'sawtooth'`
       */
      readonly mode?: Mode & ('sawtooth' | 'continuous')
      readonly aggregationInterval?: never
    }
  | {
      readonly mode: Mode & 'interval'
      /** Tile width, 104 days at most; every window is a multiple of it. */
      readonly aggregationInterval: Interval
    }

/** For the loader. */
export const streamFeatureViewOptions = {
  name: true,
  source: true,
  entities: true,
  features: true,
  mode: true,
  aggregationInterval: true,
  lifetimeStart: true,
  featureStartTime: true,
  ttl: true,
  aggregationSecondaryKey: true,
  leadingEdge: true,
  onlineServingIndex: true,
  newKeysPerDay: true,
  online: true,
  transform: true,
  rowSchema: true,
  ...metadataOptions,
} as const satisfies OptionNames<
  StreamFeatureViewOptions<
    string,
    string,
    Fields,
    readonly Entity[],
    readonly FeatureDefinition[],
    Fields
  >
>

/**
 * Defines a stream feature view.
 *
 * @example
 * ```ts
 * export const userClicks = streamFeatureView({
 *   name: 'user_clicks',
 *   source: impressions,
 *   entities: [user],
 *   features: [aggregate('clicked', 'sum', '1h'), aggregate('clicked', 'sum', '30d')],
 * })
 * ```
 */
export function streamFeatureView<
  const Name extends string,
  const SourceName extends string,
  F extends Fields,
  const Entities extends readonly Entity[],
  const Features extends readonly FeatureDefinition[],
  Row extends Fields = F,
  const Mode extends WindowMode = 'sawtooth',
  const Interval extends Duration = Duration,
  Input extends Fields = Fields,
  const SecondaryKey extends string = never,
>(
  options: StreamFeatureViewOptions<
    Name,
    SourceName,
    F,
    Entities,
    Features,
    Row,
    Mode,
    Interval,
    Input,
    SecondaryKey
  >,
): StreamFeatureView<
  Name,
  Flat<JoinKeyRow<Entities>>,
  Flat<FeatureRow<Features, Row, Mode, Interval, SecondaryKey>>
> {
  const view = {
    ...options,
    kind: 'millrace.streamFeatureView',
    mode: options.mode ?? 'sawtooth',
    leadingEdge: options.leadingEdge ?? 'wall-clock',
    online: options.online ?? true,
  }
  return marked(selectable(view), streamFeatureView) as never
}

type JoinKeyRow<Entities extends readonly Entity[]> = Intersection<
  { [I in keyof Entities]: InputRow<Entities[I]['joinKeys']> }[number]
>

type JoinKeyName<Entities extends readonly Entity[]> = keyof Intersection<
  Entities[number]['joinKeys']
> &
  string

type FeatureRow<
  Features extends readonly FeatureDefinition[],
  Row extends Fields,
  Mode extends WindowMode,
  Interval extends string,
  SecondaryKey extends string,
> = {
  readonly [A in Features[number] as DefinedName<A, Mode, Interval>]: [SecondaryKey] extends [never]
    ? DefinedValue<A, Row>
    : readonly DefinedValue<A, Row>[] | null
} & ([SecondaryKey] extends [never]
  ? unknown
  : {
      readonly [A in Features[number] as KeysName<A, SecondaryKey>]:
        readonly ValueOf<Row[SecondaryKey]>[] | null
    })

type KeysName<A, SecondaryKey extends string> =
  A extends Aggregate<string, FunctionArgument, infer Window>
    ? `${SecondaryKey}_keys_${WindowLabel<Window>}`
    : never

type DefinedName<A, Mode extends WindowMode, Interval extends string> =
  A extends Attribute<string, infer Name> ? Name : FeatureName<A, Mode, Interval>

type DefinedValue<A, Row extends Fields> =
  A extends Attribute<infer Column>
    ? ValueOf<Row[Column]> | null
    : A extends Aggregate<infer Column, infer Fn, infer Window>
      ? WindowValue<Window, FunctionValue<Fn, Row[Column]>>
      : never

// A check maps a tuple to one that allows anything, or has a sentence in the place of each wrong
// element, which the compiler then shows there. What the compiler does not know is left to the
// loader.

type CheckedFeatures<Features extends readonly FeatureDefinition[], Row extends Fields> = {
  readonly [I in keyof Features]: Features[I] extends Aggregate<infer Column, infer Fn>
    ? CheckedColumn<Row, Column, FunctionProblem<Row, Column, Fn>>
    : Features[I] extends Attribute<infer Column>
      ? HasAggregates<Features> extends true
        ? 'a view has aggregates or attributes, not both'
        : CheckedColumn<Row, Column, unknown>
      : unknown
}

type CheckedTtl<Features extends readonly FeatureDefinition[]> =
  HasAggregates<Features> extends true
    ? 'a ttl is for views of attributes; a window says how long an event counts'
    : Duration

/** Whether some are, as far as the compiler knows: a list of any definitions may have none. */
type HasAggregates<Features extends readonly FeatureDefinition[]> =
  Attribute extends Features[number]
    ? false
    : [Extract<Features[number], Aggregate>] extends [never]
      ? false
      : true

// Not an intersection: that of two texts is never, and the sentence would be lost.
type CheckedSecondaryKey<
  SecondaryKey extends string,
  Features extends readonly FeatureDefinition[],
  Row extends Fields,
> = [Extract<Features[number], Aggregate>] extends [never]
  ? 'a secondary key is for views of aggregates'
  : string extends SecondaryKey | keyof Row
    ? SecondaryKey
    : SecondaryKey extends keyof Row
      ? CheckedSecondaryKind<SecondaryKey, Row[SecondaryKey]>
      : `no column is named "${SecondaryKey}"`

type CheckedSecondaryKind<SecondaryKey extends string, S extends FieldSchema> =
  KindOf<S> extends (typeof keyKinds)[number]
    ? null extends ValueOf<S>
      ? `secondary key "${SecondaryKey}" is nullable`
      : SecondaryKey
    : `secondary key "${SecondaryKey}" is ${KindOf<S>}, which cannot be a key`

type CheckedColumn<Row extends Fields, Column extends string, Checked> = string extends
  Column | keyof Row
  ? unknown
  : Column extends keyof Row
    ? Checked
    : `no column is named "${Column}"`

type FunctionProblem<Row extends Fields, Column extends string, Fn extends FunctionArgument> =
  KindOf<Row[Column]> extends (typeof inputKinds)[NameOf<Fn>][number]
    ? unknown
    : WrongKind<WrittenName<NameOf<Fn>>, Column, KindOf<Row[Column]>>

type WrongKind<
  Fn extends string,
  Column extends string,
  Found extends string,
> = `cannot take the ${Fn} of column "${Column}", its type is ${Found}`

type CheckedEntities<
  Entities extends readonly Entity[],
  SourceName extends string,
  F extends Fields,
  Input extends Fields,
> = {
  readonly [I in keyof Entities]: Unless<
    JoinKeyProblem<Entities[I]['joinKeys'], F, `source "${SourceName}"`>,
    Unless<
      JoinKeyProblem<Entities[I]['joinKeys'], Input, `the inputSchema of source "${SourceName}"`>,
      unknown
    >
  >
}

type JoinKeyProblem<Keys extends Fields, F extends Fields, Where extends string> = string extends
  keyof F | keyof Keys
  ? never
  : KnownJoinKeyProblem<Keys, F, Where>

type KnownJoinKeyProblem<Keys extends Fields, F extends Fields, Where extends string> = {
  [K in keyof Keys & string]: K extends keyof F
    ? KindOf<F[K]> extends KindOf<Keys[K]>
      ? null extends ValueOf<F[K]>
        ? `join key "${K}" is nullable in ${Where}`
        : never
      : `join key "${K}" is ${KindOf<Keys[K]>}, but ${KindOf<F[K]>} in ${Where}`
    : `${Where} has no field for join key "${K}"`
}[keyof Keys & string]

type Unless<Problem, Otherwise> = [Problem] extends [never] ? Otherwise : Problem

type KindOf<S extends FieldSchema> = S extends FieldSchema<infer K> ? K : never
