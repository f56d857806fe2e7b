/**
 * Making, listing and revoking the API keys of a data directory, whether or not a daemon has it
 * open: one that has notices within a second.
 */
import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import { apiKeysMax } from '../base/http-limits.ts'
import { keyFormat, keyIds, readKey, removeKey, writeKey, type KeyRecord } from './key-files.ts'
import type { Role } from './roles.ts'
import { createSecret, hashOf } from './secret.ts'

/** What a new key is to be. */
export interface NewKey {
  readonly name: string
  readonly role: Role
  /** Null for all. */
  readonly sources: readonly string[] | null
  readonly services: readonly string[] | null
  /** How long it is good for, ms; null for ever. */
  readonly lifeMs: number | null
}

/**
 * Makes a key.
 *
 * @returns its record, and its text, which cannot be had again.
 * @throws MillraceError `API_KEYS_FULL`; errors of the system as they are.
 */
export async function createKey(
  dir: string,
  { lifeMs, ...asked }: NewKey,
  clock: Pick<Clock, 'nowMs'>,
): Promise<{ readonly record: KeyRecord; readonly text: string }> {
  const ids = (await keyIds(dir)) ?? []
  if (ids.length >= apiKeysMax) throw new MillraceError('API_KEYS_FULL', { max: apiKeysMax })
  const { id, text } = createSecret()
  const createdMs = clock.nowMs()
  const expiresMs = lifeMs === null ? null : createdMs + lifeMs
  const record = { format: keyFormat, id, ...asked, hash: hashOf(text), createdMs, expiresMs }
  await writeKey(dir, record)
  return { record, text }
}

/** All keys, in order of their creation. @throws MillraceError `STORE_CORRUPT`, `STORE_FORMAT` */
export async function listKeys(dir: string): Promise<readonly KeyRecord[]> {
  const ids = (await keyIds(dir)) ?? []
  const records = await Promise.all(ids.map((id) => readKey(dir, id)))
  return records
    .filter((record) => record !== null)
    .toSorted((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1))
}

/** Revokes a key, for good. @throws MillraceError `API_KEY_UNKNOWN` */
export async function revokeKey(dir: string, id: string): Promise<void> {
  if (((await keyIds(dir)) ?? []).includes(id) && (await removeKey(dir, id))) return
  throw new MillraceError('API_KEY_UNKNOWN', { id, dir })
}
