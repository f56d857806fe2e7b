/**
 * Lets go of old files of the offline log: those of days that are too long ago, and the oldest
 * while all of them together are too much.
 */
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { OfflineFiles } from './log-files.ts'

export interface OfflineRetention {
  /** Size of all files, bytes; beyond, the oldest go. */
  readonly bytesMax: number
  /** Files of days that ended longer ago than this go, ms. */
  readonly ageMsMax: number
  readonly nowMs: number
}

interface Part {
  readonly path: string
  readonly day: string
  readonly bytes: number
}

const dayMs = 86_400_000

export async function retireParts(
  dir: string,
  { bytesMax, ageMsMax, nowMs }: OfflineRetention,
  files: OfflineFiles,
): Promise<void> {
  const parts = await partsIn(dir)
  let bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
  const folders = new Set<string>()
  for (const { path, day, bytes: own } of parts) {
    const isOld = nowMs - (Date.parse(day) + dayMs) > ageMsMax
    if (!isOld && bytes <= bytesMax) break
    await files.remove(path)
    folders.add(dirname(path))
    bytes -= own
  }
  for (const folder of folders) await files.flushDirectory(folder)
}

/** All files, the oldest day first, and those of a day in the order of their positions. */
async function partsIn(dir: string): Promise<readonly Part[]> {
  const parts: Part[] = []
  for (const path of await readdir(dir, { recursive: true })) {
    const day = /^source=\w+[/\\]day=(\d{4}-\d\d-\d\d)[/\\](part-\d+-\d+\.parquet)$/.exec(path)?.[1]
    if (day === undefined) continue
    const { size } = await stat(join(dir, path))
    parts.push({ path: join(dir, path), day, bytes: size })
  }
  return parts.toSorted((a, b) => order(orderOf(a), orderOf(b)))
}

function orderOf({ day, path }: Part): string {
  return `${day} ${path.slice(path.lastIndexOf('part-'))} ${path}`
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
