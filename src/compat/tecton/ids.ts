/**
 * Ids for what has none of its own: the platform has one for everything, and clients ask for them.
 */
import { createHash } from 'node:crypto'

/** 32 hexadecimal digits that follow from the name. */
export function idOf(kind: 'feature service' | 'data source', name: string): string {
  return createHash('sha256').update(`${kind} ${name}`).digest('hex').slice(0, 32)
}
