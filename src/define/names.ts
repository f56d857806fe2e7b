/**
 * Which names definitions, features and fields may have.
 */
import { nameLengthMax } from '../base/limits.ts'
import type { Problems } from './problems.ts'

const name = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/i
/** Those of services are said to the daemon only, and may be as other systems have them. */
const serviceName = /^[a-z][a-z0-9]*([_:-][a-z0-9]+)*$/i
const fieldName = /^[a-z_][a-z0-9_]*$/i

/** Checks the name of a definition or a feature: it stands in URLs, file names and columns. */
export function checkName(
  value: unknown,
  path: string,
  problems: Problems,
  ...sites: readonly unknown[]
): void {
  if (typeof value === 'string' && value.length <= nameLengthMax && name.test(value)) return
  problems.add(
    path,
    `${shown(value)} is not a name: up to ${nameLengthMax} letters, digits and single ` +
      'underscores, a letter first',
    ...sites,
  )
}

/** Checks the name of a service: those who ask for it may have known it before us. */
export function checkServiceName(
  value: unknown,
  path: string,
  problems: Problems,
  ...sites: readonly unknown[]
): void {
  if (typeof value === 'string' && value.length <= nameLengthMax && serviceName.test(value)) return
  problems.add(
    path,
    `${shown(value)} is not a name: up to ${nameLengthMax} letters, digits and single ` +
      'underscores, hyphens and colons, a letter first',
    ...sites,
  )
}

/**
 * Checks the name of a field or a join key: an identifier, so that it keeps its place among the
 * properties of an object, which a number would not.
 */
export function checkFieldName(
  value: string,
  path: string,
  problems: Problems,
  ...sites: readonly unknown[]
): void {
  if (value.length <= nameLengthMax && fieldName.test(value) && value !== '__proto__') return
  problems.add(
    path,
    `${shown(value)} is not a field name: up to ${nameLengthMax} letters, digits and ` +
      'underscores, no digit first',
    ...sites,
  )
}

/** A wrong value as a message shows it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'a list' : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}
