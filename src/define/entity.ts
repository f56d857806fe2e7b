/**
 * `entity`: what features are about, and the join keys that name one of them.
 */
import type { Metadata } from '../model/catalog.ts'
import type { keyKinds } from '../model/key.ts'
import { metadataOptions, type OptionNames } from './options.ts'
import { marked } from './site.ts'
import type { FieldSchema } from './types.ts'

/** A type that can name an entity: not null, and equal only to itself. */
export type JoinKeySchema = FieldSchema<
  (typeof keyKinds)[number],
  string | bigint | number | boolean
>

/** Join keys and their types. */
export type JoinKeySchemas = Readonly<Record<string, JoinKeySchema>>

/** What {@link entity} returns. */
export interface Entity<
  Name extends string = string,
  Keys extends JoinKeySchemas = JoinKeySchemas,
> extends Metadata {
  readonly kind: 'millrace.entity'
  readonly name: Name
  /** In key order. */
  readonly joinKeys: Keys
}

/** Options of {@link entity}. */
export interface EntityOptions<Name extends string, Keys extends JoinKeySchemas> extends Metadata {
  /** Letters, digits and single underscores. */
  readonly name: Name
  /** Fields, present in every source of the entity's events, that together name one entity. */
  readonly joinKeys: Keys
}

/** For the loader. */
export const entityOptions = {
  name: true,
  joinKeys: true,
  ...metadataOptions,
} as const satisfies OptionNames<EntityOptions<string, JoinKeySchemas>>

/**
 * Defines an entity.
 *
 * @example
 * ```ts
 * export const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
 * ```
 */
export function entity<const Name extends string, const Keys extends JoinKeySchemas>(
  options: EntityOptions<Name, Keys>,
): Entity<Name, Keys> {
  return marked({ ...options, kind: 'millrace.entity' }, entity)
}
