/**
 * The data types of fields and features, as plain data.
 *
 * A TypeBox schema (`define/types.ts`) is what a user writes and what validates; this is the same
 * fact in the form that routing, decoding and serving switch on.
 */

export type ScalarKind = 'Int64' | 'Int32' | 'Float64' | 'Float32' | 'String' | 'Bool' | 'Timestamp'

export type DataType = (
  | { readonly kind: ScalarKind }
  | { readonly kind: 'Array'; readonly element: DataType }
  | { readonly kind: 'Struct'; readonly fields: readonly Field[] }
  | { readonly kind: 'Map'; readonly value: DataType }
) & {
  /** Whether null is a value of the type; a field of such a type may also be absent. */
  readonly nullable: boolean
}

/** One named field of a source, an entity or a struct. */
export interface Field {
  readonly name: string
  readonly type: DataType
}

/**
 * A value after decoding and conversion, the only forms that stages behind the door see.
 *
 * Int64 is a `bigint`, Int32 and the floats a `number`, Timestamp a `bigint` of nanoseconds since
 * 1970-01-01 UTC, Struct a null-prototype object, Map a `Map`.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | { readonly [field: string]: Value }
