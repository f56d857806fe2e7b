/**
 * JSON Schema, as far as it takes to say what our bodies look like.
 */
export type Schema = Readonly<Record<string, unknown>>

export const anything: Schema = {}
export const text: Schema = { type: 'string' }
export const flag: Schema = { type: 'boolean' }
export const whole: Schema = { type: 'integer' }
export const number: Schema = { type: 'number' }

/** An object with these members and no others. */
export function object(
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
): Schema {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    additionalProperties: false,
  }
}

/** An object that may have members that it does not say. */
export function openObject(
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
): Schema {
  return { ...object(required, optional), additionalProperties: true }
}

/** An object whose members have names of their own. */
export function map(values: Schema = anything): Schema {
  return { type: 'object', additionalProperties: values }
}

export function list(items: Schema = anything): Schema {
  return { type: 'array', items }
}

export function oneOf(...values: readonly string[]): Schema {
  return { enum: values }
}

export function anyOf(...schemas: readonly Schema[]): Schema {
  return { anyOf: schemas }
}

export function orNull(schema: Schema): Schema {
  return anyOf(schema, { type: 'null' })
}
