/**
 * Lets go of old files of the offline log: those of days that are too long ago, and the oldest
 * while all of them together are too much.
 */
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { LogPart } from './list-parts.ts'
import type { OfflineFiles } from './log-files.ts'

export interface OfflineRetention {
  /** Size of all files, bytes; beyond, the oldest go. */
  readonly bytesMax: number
  /** Files of days that ended longer ago than this go, ms. */
  readonly ageMsMax: number
  readonly nowMs: number
}

const dayMs = 86_400_000

/** Of files, the oldest first, those that are to go. */
export async function partsToRetire(
  parts: readonly LogPart[],
  { bytesMax, ageMsMax, nowMs }: OfflineRetention,
): Promise<readonly LogPart[]> {
  const sizes = await Promise.all(parts.map(async ({ path }) => (await stat(path)).size))
  let bytes = sizes.reduce((sum, size) => sum + size, 0)
  let count = 0
  for (const { day } of parts) {
    const isOld = nowMs - (Date.parse(day) + dayMs) > ageMsMax
    if (!isOld && bytes <= bytesMax) break
    bytes -= sizes[count]!
    count += 1
  }
  return parts.slice(0, count)
}

/** Removes files; on disk when it resolves. */
export async function retireParts(parts: readonly LogPart[], files: OfflineFiles): Promise<void> {
  for (const { path } of parts) await files.remove(path)
  const folders = new Set(parts.map(({ path }) => dirname(path)))
  for (const folder of folders) await files.flushDirectory(folder)
}
