/**
 * `featureService`: features of one or several views that are read together, by their join keys.
 */
import type { Metadata } from '../model/catalog.ts'
import { metadataOptions, type OptionNames } from './options.ts'
import { marked } from './site.ts'
import type { Flat, Intersection } from './types.ts'
import type { FeatureSelection, StreamFeatureView } from './view.ts'

/** What {@link featureService} returns. `'~…'` members exist for the compiler only. */
export interface FeatureService<
  Name extends string = string,
  JoinKeys = unknown,
  Features = unknown,
> extends Metadata {
  readonly kind: 'millrace.featureService'
  readonly name: Name
  readonly features: readonly (StreamFeatureView | FeatureSelection)[]
  readonly '~joinKeys': JoinKeys
  readonly '~features': Features
}

/** Options of {@link featureService}. */
export interface FeatureServiceOptions<
  Name extends string,
  Parts extends readonly (StreamFeatureView | FeatureSelection)[],
> extends Metadata {
  /** Letters, digits and single underscores; not the name of a view. */
  readonly name: Name
  /** Views, with all their features, and `view.select(…)`s; values are answered in this order. */
  readonly features: Parts
}

/** For the loader. */
export const featureServiceOptions = {
  name: true,
  features: true,
  ...metadataOptions,
} as const satisfies OptionNames<FeatureServiceOptions<string, readonly FeatureSelection[]>>

/**
 * The features of a read: `FeaturesOf<typeof viewOrService>`.
 *
 * Named `feature` for a view and `view.feature` for a service; null where a window holds no value.
 */
export type FeaturesOf<Readable extends { readonly '~features': unknown }> = Readable['~features']

/** The keys of a read, as a caller passes them: `JoinKeysOf<typeof viewOrService>`. */
export type JoinKeysOf<Readable extends { readonly '~joinKeys': unknown }> = Readable['~joinKeys']

/**
 * Defines a feature service.
 *
 * Every view can be read under its own name without one.
 *
 * @example
 * ```ts
 * export const ranking = featureService({
 *   name: 'ranking',
 *   features: [userClicks, adClicks.select('clicked_mean_1h')],
 * })
 * ```
 */
export function featureService<
  const Name extends string,
  const Parts extends readonly (StreamFeatureView | FeatureSelection)[],
>(
  options: FeatureServiceOptions<Name, Parts>,
): FeatureService<
  Name,
  Flat<Intersection<Parts[number]['~joinKeys']>>,
  Flat<Intersection<PartFeatures<Parts[number]>>>
> {
  const service = { ...options, kind: 'millrace.featureService' }
  return marked(service, featureService) as never
}

type PartFeatures<Part> = Part extends StreamFeatureView | FeatureSelection
  ? {
      readonly [
        K in keyof Part['~features'] & string as `${PartName<Part>}.${K}`
      ]: Part['~features'][K]
    }
  : never

type PartName<Part> =
  Part extends FeatureSelection<infer Name>
    ? Name
    : Part extends StreamFeatureView<infer Name>
      ? Name
      : never
