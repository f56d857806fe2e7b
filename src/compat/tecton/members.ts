/**
 * Members of the platform's JSON, each of which goes by two spellings: `join_key_map` and
 * `joinKeyMap`. Both are taken everywhere, side by side, but not both for one member: which is
 * meant would be a guess. Null is the same as nothing, and members that nobody asks for are passed
 * over.
 */
import { MillraceError } from '../../base/errors.ts'
import { isWireMap } from '../../model/convert.ts'

export type Members = Readonly<Record<string, unknown>>

/**
 * Looks a member up; undefined when there is none.
 *
 * @throws MillraceError `REQUEST_INVALID` when it is there in both spellings.
 */
export type Member = (members: Members) => unknown

/** @param name  In snake case. */
export function memberOf(name: string): Member {
  const camel = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  if (camel === name) return (members) => ownOf(members, name)
  return (members) => {
    const value = ownOf(members, camel)
    const other = ownOf(members, name)
    if (value === undefined) return other
    if (other !== undefined) throw requestInvalid(name, `is there as ${camel}, too`)
    return value
  }
}

/** @param path  For the message. */
export function mapOf(given: unknown, path: string): Members {
  if (given === undefined || given === null) return {}
  if (isWireMap(given)) return given
  throw requestInvalid(path, 'is not an object')
}

export function flagOf(given: unknown, path: string): boolean {
  if (given === undefined) return false
  if (typeof given === 'boolean') return given
  throw requestInvalid(path, 'is not true or false')
}

export function textOf(given: unknown, path: string): string | null {
  if (given === undefined) return null
  if (typeof given === 'string') return given
  throw requestInvalid(path, 'is not a string')
}

export function requestInvalid(path: string, reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path, reason })
}

function ownOf(members: Members, name: string): unknown {
  return Object.hasOwn(members, name) ? (members[name] ?? undefined) : undefined
}
