/**
 * `attribute`: one feature, a column of the latest row of a key.
 */
import type { Metadata } from '../model/catalog.ts'
import { metadataOptions, type OptionNames } from './options.ts'
import { marked } from './site.ts'

/** What {@link attribute} returns. */
export interface Attribute<
  Column extends string = string,
  Name extends string = string,
> extends Metadata {
  readonly kind: 'millrace.attribute'
  readonly name: Name
  readonly column: Column
}

/** Options of {@link attribute}. */
export interface AttributeOptions<Name extends string = string> extends Metadata {
  /** @defaultValue the name of the column */
  readonly name?: Name
}

/** For the loader. */
export const attributeOptions = {
  name: true,
  ...metadataOptions,
} as const satisfies OptionNames<AttributeOptions>

/**
 * Defines a feature: `column` as it is in the key's latest row, null included.
 *
 * The latest row is the one of the greatest event time and, among equals, the last to arrive; an
 * older one that comes late changes nothing. All attributes of a view are of the same row.
 *
 * @param column  A field of the view's source or, if the view has one, of its `rowSchema`.
 *
 * @example
 * ```ts
 * streamFeatureView({ …, ttl: '30d', features: [attribute('email'), attribute('plan')] })
 * ```
 */
export function attribute<
  const Column extends string,
  const Options extends AttributeOptions = Metadata,
>(column: Column, options?: Options): Attribute<Column, GivenName<Column, Options>> {
  const feature = { kind: 'millrace.attribute', name: column, column, ...options }
  return marked(feature as never, attribute)
}

type GivenName<Column, Options> = Options extends { readonly name: infer Name extends string }
  ? Name
  : Column
