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

/** @throws MillraceError `KEY_INVALID` when a join key is missing. */
export function readerKey(joinKeys: readonly Field[], given: Members): Members {
  const key = membersOf(joinKeys, given, (value, type) =>
    type.kind === 'Bool' ? boolOf(value) : value,
  )
  for (const { name } of joinKeys) if (key[name] === undefined) throw missingError(name)
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

function missingError(key: string): MillraceError {
  const message = `Missing required join key: \`${key}\``
  return new MillraceError('KEY_INVALID', { key, reason: 'missing' }, { message })
}
