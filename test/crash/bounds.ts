/**
 * What a daemon holds of the machine: it may not grow with the number of its crashes.
 */
import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { logSegmentsMax } from '../../src/base/limits.ts'

export interface Held {
  readonly files: number
  readonly fileBytes: number
  /** Those of the process are 0 where there is no `/proc`. */
  readonly descriptors: number
  readonly threads: number
  readonly residentBytes: number
}

/**
 * A daemon of four shards with some thousand keys holds less, however often it was killed: two
 * files for each store, a redo file and its forerunner, the manifest, a lock, and few segments of
 * each log beside one for each start, up to a bound.
 */
const heldMax: Held = {
  files: 60,
  fileBytes: 512 * 1024 * 1024,
  descriptors: 100,
  threads: 30,
  residentBytes: 512 * 1024 * 1024,
}

export async function assertBounded(dataDir: string, pid: number, starts: number): Promise<Held> {
  const held = { ...(await filesOf(dataDir)), ...(await processOf(pid)) }
  const files = heldMax.files + Math.min(starts, logSegmentsMax)
  for (const [name, max] of Object.entries({ ...heldMax, files })) {
    const is = held[name as keyof Held]
    assert.ok(is <= max, `${name}: ${is}, of at most ${max}`)
  }
  return held
}

async function filesOf(dir: string): Promise<Pick<Held, 'files' | 'fileBytes'>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  let [files, fileBytes] = [0, 0]
  for (const entry of entries) {
    if (!entry.isFile()) continue
    files += 1
    // One that has just gone is none any more.
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => null)
    fileBytes += found === null ? 0 : found.blocks * 512
  }
  return { files, fileBytes }
}

async function processOf(pid: number): Promise<Omit<Held, 'files' | 'fileBytes'>> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
  return {
    descriptors: descriptors.length,
    threads: number('Threads') || 0,
    residentBytes: (number('VmRSS') || 0) * 1024,
  }
}
