/**
 * Looks at the free space of the disk, so that new events are refused before it is full.
 *
 * A write that fails for want of space is as unknown as any other, and ends the daemon. So some
 * space is kept back for what was taken and is still to be written: redo files, stores, the ledger.
 * Between two looks, the journal's growth counts against what was free. Reads go on, checkpoints
 * too, after which old segments go; and when there is room again, events are taken again.
 *
 * Thread: main. No I/O here but in {@link spaceOf}.
 */
import { statfs } from 'node:fs/promises'
import { MillraceError } from '../base/errors.ts'
import {
  diskBytesPerJournalByte,
  diskFilesMin,
  diskRelief,
  diskReserveBytesMax,
  diskReserveShare,
} from '../base/limits.ts'

/** What of a file system is free for us. */
export interface DiskSpace {
  readonly totalBytes: number
  readonly freeBytes: number
  /** Files that may still be made; Infinity where they are not counted. */
  readonly freeFiles: number
}

/** How far the journal is. */
export interface JournalExtent {
  readonly end: number
  /** Position that every shard's store covers. */
  readonly checkpointed: number
}

export class DiskGuard {
  #refusal: MillraceError | null = null
  #warning: MillraceError | null = null
  #space: DiskSpace | null = null
  /** Where the journal will have used up what was free at the last look. */
  #endMax = Infinity

  /** Why nothing is taken into a journal that ends there: `STORAGE_FULL`, or null. */
  refusalAt(end: number): MillraceError | null {
    if (end > this.#endMax && this.#refusal === null) this.#decide(true, true)
    return this.#refusal
  }

  /** `STORAGE_LOW` when that may soon be so, or null. */
  get warning(): MillraceError | null {
    return this.#warning
  }

  /** What was found at the last look; null before the first. */
  get space(): DiskSpace | null {
    return this.#space
  }

  /** Takes in how much is free now. */
  look(space: DiskSpace, { end, checkpointed }: JournalExtent): void {
    const { freeBytes, freeFiles } = space
    this.#space = space
    const reserved = reservedBytes(space)
    const roomBytes = freeBytes - reserved - diskBytesPerJournalByte * (end - checkpointed)
    this.#endMax = end + roomBytes / (1 + diskBytesPerJournalByte)
    // Full until there is a part more than that, so that it does not flicker.
    const relief = this.#refusal === null ? 1 : diskRelief
    const isFull = roomBytes < (relief - 1) * reserved || freeFiles < relief * diskFilesMin
    this.#decide(isFull, isFull || roomBytes < reserved || freeFiles < 2 * diskFilesMin)
  }

  #decide(isFull: boolean, isLow: boolean): void {
    const { freeBytes, freeFiles } = this.#space!
    const details = { freeBytes, freeFiles, reservedBytes: reservedBytes(this.#space!) }
    this.#refusal = isFull ? new MillraceError('STORAGE_FULL', details) : null
    this.#warning = isLow ? new MillraceError('STORAGE_LOW', details) : null
  }
}

/** Space of the disk that a directory is on. */
export async function spaceOf(dir: string): Promise<DiskSpace> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(dir)
  // File systems that make inodes as they go tell that they have none.
  const freeFiles = files === 0 ? Infinity : ffree
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize, freeFiles }
}

function reservedBytes({ totalBytes }: DiskSpace): number {
  return Math.floor(Math.min(diskReserveBytesMax, totalBytes * diskReserveShare))
}
