/**
 * Keys and request data in the form of the platform's clients as those of our reader.
 *
 * Clients send integers as numbers or as decimal text, and some send nulls: views with one in their
 * key know nothing of it. Members that the service does not take are passed over.
 */
import { MillraceError } from '../../base/errors.ts'
import type { DataType, Field } from '../../model/types.ts'
import { withLongFloats } from '../long-floats.ts'
import type { Members } from './members.ts'

/**
 * @param servingIndex  By which the other join keys are found; null where nothing finds them.
 * @throws MillraceError `KEY_INVALID` when a join key is missing.
 */
export function readerKey(
  joinKeys: readonly Field[],
  given: Members,
  servingIndex: readonly string[] | null = null,
): Members {
  const key = membersOf(joinKeys, given, (value, type) =>
    type.kind === 'Bool' ? boolOf(value) : value,
  )
  for (const { name } of joinKeys) {
    if (key[name] !== undefined) continue
    const isPartOfKey = servingIndex?.every((indexed) => key[indexed] !== undefined) ?? false
    throw missingError(name, isPartOfKey ? servingIndex! : [])
  }
  return key
}

/** What is missing is for the reader to say. */
export function readerRequest(fields: readonly Field[], given: Members): Members {
  return membersOf(fields, given, (value, type) => withLongFloats(type, value))
}

function membersOf(
  fields: readonly Field[],
  given: Members,
  valueOf: (value: unknown, type: DataType) => unknown,
): Members {
  const members = Object.create(null) as Record<string, unknown>
  for (const { name, type } of fields) {
    if (Object.hasOwn(given, name)) members[name] = valueOf(given[name], type)
  }
  return members
}

/** Clients with text in all their keys have text here, too. */
function boolOf(value: unknown): unknown {
  return value === 'true' || value === 'false' ? value === 'true' : value
}

/**
 * The text is the platform's. Its documentation sends a part of a key to get-features, too, and no
 * client of it could read an answer with many vectors: who does it is told where to ask.
 *
 * @param index  Join keys that have been given, and by which the others are found.
 */
function missingError(key: string, index: readonly string[]): MillraceError {
  const missing = `Missing required join key: \`${key}\``
  const names = index.map((name) => `\`${name}\``).join(', ')
  const elsewhere = `. All vectors of ${names} are read by /api/v1/feature-service/query-features`
  const message = index.length === 0 ? missing : missing + elsewhere
  return new MillraceError('KEY_INVALID', { key, reason: 'missing' }, { message })
}
