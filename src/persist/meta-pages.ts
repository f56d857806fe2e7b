/**
 * A look at the first pages of an LMDB file before LMDB maps it: what is no environment ends the
 * process when it is opened, and so does a page behind the end of a file that was cut.
 *
 * Little-endian, 64 bits, as LMDB has them there: from byte 18 of a meta page `u16 flags`, from 24
 * `u32 magic, u32 version`, at 48 `u32 page bytes`, at 144 `u64 last page, u64 transaction`. There
 * are two such pages, in turn; the transaction that is known to be on disk stands in the same place
 * of the second half of the first.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '../base/errors.ts'

const metaBytes = 160
const lastPageAt = 144
const transactionAt = 152
const metaFlag = 0x08
const magic = 0xbeefc0de
const pageBytesMin = 512
const pageBytesMax = 65_536

/** What the first pages say. */
export interface MetaPages {
  /**
   * Whether the newest transaction is known to be on disk. Otherwise whoever opens the environment
   * first goes back to the one before, and has to write for it.
   */
  readonly isFlushed: boolean
  /**
   * Whether the file ends before its last page. It may still be whole: LMDB does not write pages at
   * the end that it has freed again.
   */
  readonly isShort: boolean
}

/**
 * Checks the environment of a directory; null when there is none yet.
 *
 * @throws MillraceError `STORE_CORRUPT` when it is no environment.
 */
export function readMetaPages(path: string): MetaPages | null {
  const file = openExisting(join(path, 'data.mdb'))
  if (file === null) return null
  try {
    const { size } = fstatSync(file)
    if (size === 0) return null
    const first = readMeta(path, file, 0)
    const second = readMeta(path, file, first.pageBytes)
    const newest = second.transaction > first.transaction ? second : first
    const flushed = Buffer.alloc(8)
    readSync(file, flushed, 0, flushed.length, first.pageBytes / 2 + transactionAt)
    return {
      isFlushed: newest.transaction <= flushed.readBigUInt64LE(0),
      isShort: BigInt(size) < (newest.lastPage + 1n) * BigInt(newest.pageBytes),
    }
  } finally {
    closeSync(file)
  }
}

interface Meta {
  readonly pageBytes: number
  readonly lastPage: bigint
  readonly transaction: bigint
}

function readMeta(path: string, file: number, at: number): Meta {
  const page = Buffer.alloc(metaBytes)
  const isWhole = readSync(file, page, 0, metaBytes, at) === metaBytes
  const isMeta = isWhole && (page.readUInt16LE(18) & metaFlag) !== 0
  if (!isMeta || page.readUInt32LE(24) !== magic) throw corrupt(path)
  const pageBytes = page.readUInt32LE(48)
  if (pageBytes < pageBytesMin || pageBytes > pageBytesMax) throw corrupt(path)
  return {
    pageBytes,
    lastPage: page.readBigUInt64LE(lastPageAt),
    transaction: page.readBigUInt64LE(transactionAt),
  }
}

function corrupt(path: string): MillraceError {
  const reason = 'data.mdb does not begin as an LMDB environment does'
  return new MillraceError('STORE_CORRUPT', { file: path, reason })
}

function openExisting(path: string): number | null {
  try {
    return openSync(path, 'r')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
}
