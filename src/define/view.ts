/**
 * `streamFeatureView`: features of an entity, computed from the events of one source.
 *
 * What a view asks of its source is checked twice: by the compiler, with the types at the end of
 * this file, and when the file is loaded (`define/catalog.ts`).
 */
import type { Duration } from '../base/duration.ts'
import type { AggregateFunction, LeadingEdge, Metadata, WindowMode } from '../model/catalog.ts'
import type { Aggregate, FeatureValue, inputKinds } from './aggregate.ts'
import type { Entity } from './entity.ts'
import { marked } from './site.ts'
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

/** What {@link streamFeatureView} returns. `'~…'` members exist for the compiler only. */
export interface StreamFeatureView<
  Name extends string = string,
  JoinKeys = unknown,
  Features = unknown,
> extends Metadata {
  readonly kind: 'millrace.streamFeatureView'
  readonly name: Name
  readonly source: PushSource
  readonly entities: readonly Entity[]
  readonly features: readonly Aggregate[]
  readonly mode: WindowMode
  readonly aggregationInterval?: Duration
  readonly leadingEdge: LeadingEdge
  readonly online: boolean
  readonly transform?: (event: never) => unknown
  readonly rowSchema?: Fields
  /** Some of the features, for a feature service. */
  select<Selected extends keyof Features & string>(
    this: void,
    ...features: readonly [Selected, ...Selected[]]
  ): FeatureSelection<Name, JoinKeys, Flat<Pick<Features, Selected>>>
  readonly '~joinKeys': JoinKeys
  readonly '~features': Features
}

/** Some features of a view: what `view.select(…)` returns. */
export interface FeatureSelection<
  Name extends string = string,
  JoinKeys = unknown,
  Features = unknown,
> {
  readonly kind: 'millrace.featureSelection'
  readonly view: StreamFeatureView<Name>
  readonly features: readonly string[]
  readonly '~joinKeys': JoinKeys
  readonly '~features': Features
}

/** Options of {@link streamFeatureView}. */
export type StreamFeatureViewOptions<
  Name extends string,
  SourceName extends string,
  F extends Fields,
  Entities extends readonly Entity[],
  Features extends readonly Aggregate[],
  Row extends Fields,
> = Metadata &
  WindowOptions & {
    /** Letters, digits and single underscores. */
    readonly name: Name
    readonly source: PushSource<SourceName, F>
    /** Whom the features are about; the join keys of all of them together are the key. */
    readonly entities: Entities & CheckedEntities<Entities, SourceName, F>
    readonly features: Features & CheckedFeatures<Features, Row>
    /**
     * What "now" is when a window is read: the wall clock, or the newest event time of the stream.
     *
     * @defaultValue `'wall-clock'`
     */
    readonly leadingEdge?: LeadingEdge
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

type WindowOptions =
  | {
      /**
       * How the edges of a window are kept. `sawtooth`: exact at the leading edge, on a tile's
       * boundary at the trailing edge. `interval`: complete tiles of `aggregationInterval` only.
       *
       * @defaultValue `'sawtooth'`
       */
      readonly mode?: 'sawtooth'
      readonly aggregationInterval?: never
    }
  | {
      readonly mode: 'interval'
      /** Tile width, 104 days at most; every window is a multiple of it. */
      readonly aggregationInterval: Duration
    }

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
  const Features extends readonly Aggregate[],
  Row extends Fields = F,
>(
  options: StreamFeatureViewOptions<Name, SourceName, F, Entities, Features, Row>,
): StreamFeatureView<Name, Flat<JoinKeyRow<Entities>>, Flat<FeatureRow<Features, Row>>> {
  const view = {
    ...options,
    kind: 'millrace.streamFeatureView',
    mode: options.mode ?? 'sawtooth',
    leadingEdge: options.leadingEdge ?? 'wall-clock',
    online: options.online ?? true,
  }
  const select = (...features: readonly string[]) =>
    marked({ kind: 'millrace.featureSelection', view, features }, select)
  // Not enumerable, so that a view is plain data to whatever copies or compares it.
  Object.defineProperty(view, 'select', { value: select })
  return marked(view, streamFeatureView) as never
}

type JoinKeyRow<Entities extends readonly Entity[]> = Intersection<
  { [I in keyof Entities]: InputRow<Entities[I]['joinKeys']> }[number]
>

type FeatureRow<Features extends readonly Aggregate[], Row extends Fields> = {
  readonly [A in Features[number] as A['name']]: FeatureValue<A['fn'], Row[A['column']]>
}

// A check maps a tuple to one that allows anything, or has a sentence in the place of each wrong
// element, which the compiler then shows there. What the compiler does not know is left to the
// loader.

type CheckedFeatures<Features extends readonly Aggregate[], Row extends Fields> = {
  readonly [I in keyof Features]: Features[I] extends Aggregate<string, infer Column, infer Fn>
    ? string extends Column | keyof Row
      ? unknown
      : Column extends keyof Row
        ? KindOf<Row[Column]> extends InputKind<Fn>
          ? unknown
          : `cannot take the ${Fn} of column "${Column}", its type is ${KindOf<Row[Column]>}`
        : `no column is named "${Column}"`
    : unknown
}

type InputKind<Fn extends AggregateFunction> = (typeof inputKinds)[Fn][number]

type CheckedEntities<
  Entities extends readonly Entity[],
  SourceName extends string,
  F extends Fields,
> = {
  readonly [I in keyof Entities]: string extends keyof F | keyof Entities[I]['joinKeys']
    ? unknown
    : Unless<JoinKeyProblem<Entities[I]['joinKeys'], SourceName, F>>
}

type JoinKeyProblem<Keys extends Fields, SourceName extends string, F extends Fields> = {
  [K in keyof Keys & string]: K extends keyof F
    ? KindOf<F[K]> extends KindOf<Keys[K]>
      ? null extends ValueOf<F[K]>
        ? `join key "${K}" is nullable in source "${SourceName}"`
        : never
      : `join key "${K}" is ${KindOf<Keys[K]>}, but ${KindOf<F[K]>} in source "${SourceName}"`
    : `source "${SourceName}" has no field for join key "${K}"`
}[keyof Keys & string]

type Unless<Problem> = [Problem] extends [never] ? unknown : Problem

type KindOf<S extends FieldSchema> = S extends FieldSchema<infer K> ? K : never
