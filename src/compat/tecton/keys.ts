/**
 * Keys in the form of the platform's clients as keys of our reader.
 *
 * Clients send integers as numbers or as decimal text, and some send nulls: nothing is known of a
 * key with a null. Members that are no join keys of the service are passed over.
 */
import { MillraceError } from '../../base/errors.ts'
import type { Field } from '../../model/types.ts'
import type { Members } from './members.ts'

/**
 * @returns null for a key with a null in it.
 * @throws MillraceError `KEY_INVALID` when a join key is missing.
 */
export function readerKey(joinKeys: readonly Field[], given: Members): Members | null {
  const key = Object.create(null) as Record<string, unknown>
  let hasNull = false
  for (const { name, type } of joinKeys) {
    if (!Object.hasOwn(given, name)) throw missingError(name)
    const value = given[name]
    if (value === null) hasNull = true
    key[name] = type.kind === 'Bool' ? boolOf(value) : value
  }
  return hasNull ? null : key
}

/** Clients with text in all their keys have text here, too. */
function boolOf(value: unknown): unknown {
  return value === 'true' || value === 'false' ? value === 'true' : value
}

function missingError(key: string): MillraceError {
  const message = `Missing required join key: \`${key}\``
  return new MillraceError('KEY_INVALID', { key, reason: 'missing' }, { message })
}
