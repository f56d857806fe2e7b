/**
 * `featureService`: features of one or several views that are read together, by their join keys.
 */
import type { Metadata } from '../model/catalog.ts'
import { metadataOptions, type OptionNames } from './options.ts'
import type { RealtimeFeatureView } from './realtime.ts'
import type { FeatureSelection } from './selection.ts'
import { marked } from './site.ts'
import type { AsRead, Flat, Intersection } from './types.ts'
import type { StreamFeatureView } from './view.ts'

/** What a feature service is made of. */
export type ServiceElement = StreamFeatureView | RealtimeFeatureView | FeatureSelection

/** What {@link featureService} returns. `'~…'` members exist for the compiler only. */
export interface FeatureService<
  Name extends string = string,
  JoinKeys = unknown,
  Features = unknown,
  Request = unknown,
> extends Metadata {
  readonly kind: 'millrace.featureService'
  readonly name: Name
  readonly features: readonly ServiceElement[]
  readonly '~joinKeys': JoinKeys
  readonly '~features': Features
  readonly '~request': Request
}

/** Options of {@link featureService}. */
export interface FeatureServiceOptions<
  Name extends string,
  Parts extends readonly ServiceElement[],
> extends Metadata {
  /** Letters, digits and single underscores; not the name of a view. */
  readonly name: Name
  /**
   * Views, with all their features, and selections (`view.select(…)` and the like); values are
   * answered in this order.
   */
  readonly features: Parts
}

/** For the loader. */
export const featureServiceOptions = {
  name: true,
  features: true,
  ...metadataOptions,
} as const satisfies OptionNames<FeatureServiceOptions<string, readonly ServiceElement[]>>

/**
 * The features of a read: `FeaturesOf<typeof viewOrService>`.
 *
 * Named `feature` for a view and `view.feature` for a service, with the name of `withName` for a
 * view that has one; null where a window holds no value.
 */
export type FeaturesOf<Readable extends { readonly '~features': unknown }> = AsRead<
  Readable['~features']
>

/** The keys of a read, as a caller passes them: `JoinKeysOf<typeof viewOrService>`. */
export type JoinKeysOf<Readable extends { readonly '~joinKeys': unknown }> = Readable['~joinKeys']

/** The request data of a read, as a caller passes it: `RequestOf<typeof viewOrService>`. */
export type RequestOf<Readable extends { readonly '~request': unknown }> = Readable['~request']

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
  const Parts extends readonly ServiceElement[],
>(
  options: FeatureServiceOptions<Name, Parts>,
): FeatureService<
  Name,
  Flat<Intersection<Parts[number]['~joinKeys']>>,
  Flat<Intersection<PartFeatures<Parts[number]>>>,
  Flat<Intersection<Parts[number]['~request']>>
> {
  const service = { ...options, kind: 'millrace.featureService' }
  return marked(service, featureService) as never
}

/** The features of a service's elements, each under its full name. */
export type PartFeatures<Part> = Part extends ServiceElement
  ? {
      readonly [
        K in keyof Part['~features'] & string as `${Part['~namespace']}.${K}`
      ]: Part['~features'][K]
    }
  : never
