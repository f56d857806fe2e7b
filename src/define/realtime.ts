/**
 * `realtimeFeatureView`: features that are computed when they are read, of request data and of
 * other views' features.
 */
import type { Metadata } from '../model/catalog.ts'
import { metadataOptions, type OptionNames } from './options.ts'
import { selectable, type FeatureSelection, type NoRequest, type Selectable } from './selection.ts'
import { marked } from './site.ts'
import type { Fields, Flat, InputRow, Intersection, ValueRow } from './types.ts'
import type { StreamFeatureView } from './view.ts'

/** What a realtime view reads: a stream feature view, or a selection of one. */
export type RealtimeSource = StreamFeatureView | FeatureSelection

/** What {@link realtimeFeatureView} returns. `'~…'` members exist for the compiler only. */
export interface RealtimeFeatureView<
  Name extends string = string,
  JoinKeys = unknown,
  Features = unknown,
  Request = unknown,
>
  extends Metadata, Selectable<Name, JoinKeys, Features, Request> {
  readonly kind: 'millrace.realtimeFeatureView'
  readonly name: Name
  readonly requestSchema?: Fields
  readonly sources?: readonly RealtimeSource[]
  readonly outputSchema: Fields
  readonly transform: (input: never) => unknown
}

/** Options of {@link realtimeFeatureView}. */
export interface RealtimeFeatureViewOptions<
  Name extends string,
  Request extends Fields,
  Sources extends readonly RealtimeSource[],
  Output extends Fields,
> extends Metadata {
  /** Letters, digits and single underscores. */
  readonly name: Name
  /** What a read says beside its key. @defaultValue nothing */
  readonly requestSchema?: Request
  /** The views whose features it reads. @defaultValue none */
  readonly sources?: Sources
  /** The features, in the order of their values. */
  readonly outputSchema: Output
  /**
   * Computes the features of one key; with null, all of them are null. A plain function and pure:
   * the same input makes the same row always.
   *
   * @param input  Request data as `request`, and the features of each source by the source's name;
   *   a feature is null where it has no value.
   */
  readonly transform: (input: InputOf<Request, Sources>) => ValueRow<NoInfer<Output>> | null
}

/** For the loader. */
export const realtimeFeatureViewOptions = {
  name: true,
  requestSchema: true,
  sources: true,
  outputSchema: true,
  transform: true,
  ...metadataOptions,
} as const satisfies OptionNames<
  RealtimeFeatureViewOptions<string, Fields, readonly RealtimeSource[], Fields>
>

/**
 * Defines a realtime feature view.
 *
 * @example
 * ```ts
 * export const amountCheck = realtimeFeatureView({
 *   name: 'amount_check',
 *   requestSchema: { amount: t.Float64() },
 *   sources: [userOrders.select('amount_mean_30d')],
 *   outputSchema: { is_high: t.Bool() },
 *   transform: ({ request, user_orders }) => ({
 *     is_high: request.amount > 3 * (user_orders.amount_mean_30d ?? Infinity),
 *   }),
 * })
 * ```
 */
export function realtimeFeatureView<
  const Name extends string,
  Output extends Fields,
  Request extends Fields = NoRequest,
  const Sources extends readonly RealtimeSource[] = readonly [],
>(
  options: RealtimeFeatureViewOptions<Name, Request, Sources, Output>,
): RealtimeFeatureView<
  Name,
  Flat<Intersection<Sources[number]['~joinKeys']>>,
  Flat<{ readonly [K in keyof Output]: ValueRow<Output>[K] | null }>,
  InputRow<Request>
> {
  const view = { ...options, kind: 'millrace.realtimeFeatureView' }
  return marked(selectable(view), realtimeFeatureView) as never
}

/** What a transform is given: request data and the features of each source, by their names. */
type InputOf<Request extends Fields, Sources extends readonly RealtimeSource[]> = Flat<
  { readonly request: ValueRow<Request> } & {
    readonly [S in Sources[number] as S['~namespace']]: S['~features']
  }
>
