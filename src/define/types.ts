/**
 * `t`: the data types that a features file is written in.
 *
 * Every `t.X()` is a TypeBox schema of the canonical value (`model/types.ts`), with the `DataType`
 * it stands for as plain data under `millrace`, and with two static types: what a producer may
 * pass, {@link InputOf}, and what transforms and readers get, {@link ValueOf}.
 */
import type { TUnsafe } from 'typebox'
import { MillraceError } from '../base/errors.ts'
import type { DataType, Field } from '../model/types.ts'
import { schemaOf } from './schema.ts'

/** The names of the data types: `'Int64'`, `'String'`, `'Struct'` and so on. */
export type Kind = DataType['kind']

/**
 * A data type as `t` makes it: a TypeBox schema that knows its Millrace type.
 *
 * `'~unsafe'` and `'~input'` exist for the compiler only, after TypeBox's own convention;
 * `Static<typeof schema>` of TypeBox gives the value type, too.
 */
export interface FieldSchema<
  K extends Kind = Kind,
  Value = unknown,
  Input = unknown,
> extends TUnsafe<Value> {
  /** The type as plain data; {@link dataTypeOf} reads it. */
  readonly millrace: DataType & { readonly kind: K }
  readonly '~input': Input
}

/** Named fields: the schema of a source, of a struct, of a transform's rows. */
export type Fields = Readonly<Record<string, FieldSchema>>

/** The canonical value of a type: what a transform is given and a read returns. */
export type ValueOf<S extends FieldSchema> = S['~unsafe']

/** What a producer may pass for a type. */
export type InputOf<S extends FieldSchema> = S['~input']

/** An object of canonical values, one per field. */
export type ValueRow<F extends Fields> = Flat<{ readonly [K in keyof F]: ValueOf<F[K]> }>

/** An object that a producer may pass; nullable fields may be left out. */
export type InputRow<F extends Fields> = Flat<
  { readonly [K in RequiredName<F>]: InputOf<F[K]> } & {
    readonly [K in Exclude<keyof F, RequiredName<F>>]?: InputOf<F[K]> | undefined
  }
>

/** Shows an intersection as one object type. */
export type Flat<T> = { [K in keyof T]: T[K] } & {}

/** All members of a union at once. */
export type Intersection<T> = (T extends unknown ? (member: T) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never

type RequiredName<F extends Fields> = {
  [K in keyof F]: null extends ValueOf<F[K]> ? never : K
}[keyof F]

/**
 * The data types of fields.
 *
 * @example
 * ```ts
 * const schema = {
 *   user_id: t.String(),
 *   at: t.Timestamp(),
 *   amount: t.nullable(t.Float64()),
 *   items: t.Array(t.Struct({ sku: t.String(), count: t.Int32() })),
 * }
 * ```
 */
export const t = {
  /** A 64-bit signed integer, exact; a producer passes a safe integer or a `bigint`. */
  Int64(): FieldSchema<'Int64', bigint, number | bigint> {
    return fieldSchema({ kind: 'Int64', nullable: false })
  },

  /** A 32-bit signed integer. */
  Int32(): FieldSchema<'Int32', number, number> {
    return fieldSchema({ kind: 'Int32', nullable: false })
  },

  /** A double-precision number; NaN and the infinities are values in realtime views alone. */
  Float64(): FieldSchema<'Float64', number, number> {
    return fieldSchema({ kind: 'Float64', nullable: false })
  },

  /** A single-precision number; a value is rounded to the nearest one. */
  Float32(): FieldSchema<'Float32', number, number> {
    return fieldSchema({ kind: 'Float32', nullable: false })
  },

  /** Text. */
  String(): FieldSchema<'String', string, string> {
    return fieldSchema({ kind: 'String', nullable: false })
  },

  /** True or false. */
  Bool(): FieldSchema<'Bool', boolean, boolean> {
    return fieldSchema({ kind: 'Bool', nullable: false })
  },

  /**
   * A moment. Its value is a `bigint` of nanoseconds since 1970-01-01 UTC.
   *
   * A producer passes a `Date`, whole milliseconds since 1970-01-01 UTC, or an RFC 3339 string of
   * up to nine fraction digits, UTC where it names no zone.
   */
  Timestamp(): FieldSchema<'Timestamp', bigint, Date | number | string> {
    return fieldSchema({ kind: 'Timestamp', nullable: false })
  },

  /** A list of values of one type. */
  Array<E extends FieldSchema>(
    element: E,
  ): FieldSchema<'Array', readonly ValueOf<E>[], readonly InputOf<E>[]> {
    return fieldSchema({ kind: 'Array', element: dataTypeOf(element), nullable: false })
  },

  /** An object with named, typed fields and no others. */
  Struct<F extends Fields>(fields: F): FieldSchema<'Struct', ValueRow<F>, InputRow<F>> {
    return fieldSchema({ kind: 'Struct', fields: fieldsOf(fields), nullable: false })
  },

  /**
   * Any string keys to values of one type. A transform gets a `Map`, a realtime view, too; who
   * produces passes an object, and who reads features gets one.
   */
  Map<V extends FieldSchema>(
    value: V,
  ): FieldSchema<'Map', ReadonlyMap<string, ValueOf<V>>, Readonly<Record<string, InputOf<V>>>> {
    return fieldSchema({ kind: 'Map', value: dataTypeOf(value), nullable: false })
  },

  /** The same type with null as a value; a field of it may also be absent, which means null. */
  nullable<K extends Kind, Value, Input>(
    schema: FieldSchema<K, Value, Input>,
  ): FieldSchema<K, Value | null, Input | null> {
    return fieldSchema({ ...(dataTypeOf(schema) as typeof schema.millrace), nullable: true })
  },
} as const

/**
 * The data type that a schema stands for.
 *
 * @throws {@link MillraceError} `DEFINITION_INVALID` when it was not made with {@link t}.
 */
export function dataTypeOf(schema: unknown): DataType {
  const type = (schema as { millrace?: unknown } | null | undefined)?.millrace
  if (typeof type === 'object' && type !== null && 'kind' in type) return type as DataType
  throw new MillraceError('DEFINITION_INVALID', {
    path: 't',
    reason: 'not a type made with t, such as t.String()',
  })
}

/** Named schemas as fields, in the order in which they are written. */
export function fieldsOf(schemas: Fields): readonly Field[] {
  return Object.entries(schemas).map(([name, schema]) => ({ name, type: dataTypeOf(schema) }))
}

function fieldSchema<S extends FieldSchema>(type: S['millrace']): S {
  // The two static types have no value at run time, so the compiler must be told.
  return Object.assign(schemaOf(type), { millrace: type }) as unknown as S
}

/** A value as a read has it, whose answer does not tell a Map from a Struct: both are objects. */
export type AsRead<Value> =
  Value extends ReadonlyMap<string, infer Each>
    ? Readonly<Record<string, AsRead<Each>>>
    : Value extends object
      ? { readonly [Name in keyof Value]: AsRead<Value[Name]> }
      : Value
