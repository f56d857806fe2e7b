/**
 * The text of an API key, `mr_<id>_<secret>`, and what is kept of it.
 *
 * The id is no secret: it finds the key, and stands in lists and logs. Of the whole text a SHA-256
 * is kept. A slow hash is for passwords, which people choose and others can guess; 256 random bits
 * cannot be guessed however fast each guess is, and a hash that costs time would let whoever sends
 * wrong keys make the server busy.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const form = /^mr_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/

export interface Secret {
  readonly id: string
  /** What its owner sends; told once, and kept nowhere. */
  readonly text: string
}

export function createSecret(): Secret {
  const id = randomBytes(6).toString('hex')
  return { id, text: `mr_${id}_${randomBytes(32).toString('base64url')}` }
}

/** The id within the text of a key; null when it is none. */
export function idOf(text: string): string | null {
  return form.exec(text)?.[1] ?? null
}

/** 64 hexadecimal digits. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Compares in a time that does not tell how much of it is right. */
export function isHashOf(text: string, hash: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(text)), Buffer.from(hash))
}
