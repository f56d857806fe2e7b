/**
 * Lets go of old files of the offline log: those of days that are too long ago, and the oldest
 * while all of them together are too much.
 */
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { OfflineFiles } from './log-files.ts'
import { partsIn, type Part } from './parts.ts'

export interface OfflineRetention {
  /** Size of all files, bytes; beyond, the oldest go. */
  readonly bytesMax: number
  /** Files of days that ended longer ago than this go, ms. */
  readonly ageMsMax: number
  readonly nowMs: number
}

const dayMs = 86_400_000

/** The files that are to go, the oldest first. */
export async function agedParts(
  dir: string,
  { bytesMax, ageMsMax, nowMs }: OfflineRetention,
): Promise<readonly Part[]> {
  const parts = await oldestFirst(dir)
  let bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
  const isKept = ({ day }: Part): boolean =>
    nowMs - (Date.parse(day) + dayMs) <= ageMsMax && bytes <= bytesMax
  const aged: Part[] = []
  for (const part of parts) {
    if (isKept(part)) break
    aged.push(part)
    bytes -= part.bytes
  }
  return aged
}

/** Removes files; on disk when it resolves. */
export async function retireParts(parts: readonly Part[], files: OfflineFiles): Promise<void> {
  for (const { path } of parts) await files.remove(path)
  const folders = new Set(parts.map(({ path }) => dirname(path)))
  for (const folder of folders) await files.flushDirectory(folder)
}

/** All files, the oldest day first, and those of a day in the order of their positions. */
async function oldestFirst(dir: string): Promise<readonly (Part & { readonly bytes: number })[]> {
  const parts: (Part & { bytes: number })[] = []
  for (const part of await partsIn(dir)) {
    const { size } = await stat(part.path)
    parts.push({ ...part, bytes: size })
  }
  return parts.toSorted((a, b) => order(a.day, b.day) || a.from - b.from || order(a.path, b.path))
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
