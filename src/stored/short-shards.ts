/**
 * Keeps a daemon from being ended by a shard's file that was cut: LMDB maps it, and a page behind
 * the end is a SIGBUS for the whole process.
 */
import { join } from 'node:path'
import { MillraceError } from '../base/errors.ts'
import { readMetaPages } from '../persist/meta-pages.ts'
import { inspectApart } from './inspector.ts'

/**
 * Looks at the files of all shards, and reads those through that are shorter than they say; in a
 * process of its own, so that only that one ends.
 *
 * @throws MillraceError `STORE_CORRUPT`
 */
export async function assertShardsWhole(shardsPath: string, shards: number): Promise<void> {
  for (let shard = 0; shard < shards; shard++) {
    const path = join(shardsPath, String(shard).padStart(3, '0'))
    if (readMetaPages(path)?.isShort !== true) continue
    const found = await inspectApart(path, true)
    const reason = typeof found === 'string' ? found : found?.damage[0]
    if (reason !== undefined) throw new MillraceError('STORE_CORRUPT', { file: path, reason })
  }
}
