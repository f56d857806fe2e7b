/**
 * The API keys of a data directory, a sealed file each:
 *
 *     <data>/keys/<id>.json
 *
 * A file is written once, as a whole, and removed when its key is revoked. So keys come and go
 * while a daemon has the directory open, and what keys there are is what names there are.
 */
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createDirectory, flushDirectory, replaceFile } from '../base/directories.ts'
import { MillraceError } from '../base/errors.ts'
import { sealJson, unsealJson } from '../base/sealed-json.ts'
import type { Role } from './roles.ts'

/** Format of a key's file; another one is refused. */
export const keyFormat = 1

/** What is kept of a key. */
export interface KeyRecord {
  readonly format: number
  readonly id: string
  /** Who has it, for people. */
  readonly name: string
  readonly role: Role
  /** SHA-256 of its text. */
  readonly hash: string
  /** Sources that it may write; null for all. */
  readonly sources: readonly string[] | null
  /** Services and views that it may read; null for all. */
  readonly services: readonly string[] | null
  /** Wall time, ms. */
  readonly createdMs: number
  /** The same; null when it does not expire. */
  readonly expiresMs: number | null
}

/** What they are called in it. */
export const keysFolder = 'keys'

/** Where the keys of a data directory are. */
export function keysPath(dataDir: string): string {
  return join(dataDir, keysFolder)
}

/** The ids of all keys; null when there is no directory for any. */
export async function keyIds(dir: string): Promise<readonly string[] | null> {
  try {
    const names = await readdir(dir)
    return names.flatMap((name) => /^([0-9a-f]{12})\.json$/.exec(name)?.[1] ?? []).toSorted()
  } catch (thrown) {
    if (isMissing(thrown)) return null
    throw thrown
  }
}

/** Writes a new key; on disk when it resolves. */
export async function writeKey(dir: string, record: KeyRecord): Promise<void> {
  await createDirectory(dir)
  await replaceFile(fileOf(dir, record.id), sealJson(record))
}

/**
 * Reads a key.
 *
 * @returns null when there is none of the id, any more.
 * @throws MillraceError `STORE_CORRUPT`, `STORE_FORMAT`
 */
export async function readKey(dir: string, id: string): Promise<KeyRecord | null> {
  const file = fileOf(dir, id)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    if (isMissing(thrown)) return null
    throw thrown
  }
  const record = unsealJson(text) as KeyRecord | null
  if (record?.id !== id) {
    throw new MillraceError('STORE_CORRUPT', { file, reason: 'is not what was written' })
  }
  if (record.format === keyFormat) return record
  const [found, expected] = [`key ${record.format}`, `key ${keyFormat}`]
  throw new MillraceError('STORE_FORMAT', { found, expected })
}

/** Removes a key; for good when it resolves. @returns whether there was one. */
export async function removeKey(dir: string, id: string): Promise<boolean> {
  try {
    await rm(fileOf(dir, id))
  } catch (thrown) {
    if (isMissing(thrown)) return false
    throw thrown
  }
  await flushDirectory(dir)
  return true
}

function fileOf(dir: string, id: string): string {
  return join(dir, `${id}.json`)
}

function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === 'ENOENT'
}
