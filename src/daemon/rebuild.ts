/**
 * Makes shards anew from the journal, where that has all of what they held.
 *
 * A shard's directory is moved aside and a daemon is started over what is left: recovery then does
 * what it does for a shard that never was, and a drain brings it to disk. When that fails, what was
 * there is put back. A crash in between leaves a directory whose next start does the same.
 */
import { rename, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { flushDirectory } from '../base/directories.ts'
import { MillraceError } from '../base/errors.ts'
import { lockDirectory } from '../base/lock.ts'
import { inspectDirectory, type InspectedPart, type Inspection } from '../stored/inspect.ts'
import type { MillraceOptions } from './options.ts'
import { startMillrace } from './start.ts'

export interface RebuildOptions extends MillraceOptions {
  readonly dataDir: string
  /** The shards to be made anew; null for those that are damaged. */
  readonly rebuilt: readonly number[] | null
}

export interface Rebuilt {
  readonly shard: number
  /** Where the directory as it was is now, in the data directory; null when there was none. */
  readonly aside: string | null
  /** What the new store has. */
  readonly facts: InspectedPart['facts']
}

const everMs = 100 * 366 * 86_400_000

/** Lets nothing go: who serves a directory may have wider bounds than the standard ones. */
export const keepAll = {
  retainBytesMax: Number.MAX_SAFE_INTEGER,
  retainMsMax: everMs,
  ledgerBytesMax: Number.MAX_SAFE_INTEGER,
  ledgerMsMax: everMs,
}

/**
 * Rebuilds shards of a directory that no daemon has open.
 *
 * @throws MillraceError `REBUILD_INCOMPLETE` when the journal does not have all of it: nothing is
 *   changed then; `STORE_LOCKED`, and what a start throws.
 */
export async function rebuildShards(options: RebuildOptions): Promise<readonly Rebuilt[]> {
  const { rebuilt, ...daemon } = options
  const { dataDir } = options
  const before = await inspectDirectory(dataDir, true)
  const shards = rebuilt ?? damagedShards(before)
  if (shards.length === 0) return []
  assertRebuildable(before, shards)
  const asides = await moveAside(dataDir, shards)
  try {
    const millrace = await startMillrace({ ...daemon, ...keepAll })
    // A drain alone may leave some of it to the next start.
    await millrace.checkpoint()
    await millrace.drain()
  } catch (thrown) {
    await moveBack(dataDir, asides)
    throw thrown
  }
  const after = await inspectDirectory(dataDir, true)
  return shards.map((shard) => {
    const { state, facts, damage } = partOf(after, shard)
    if (state !== 'sound') throw incomplete(damage[0]?.reason ?? `shard ${shard} is ${state}`)
    return { shard, aside: asides.get(shard)!, facts }
  })
}

/** @throws MillraceError `REBUILD_INCOMPLETE` */
function assertRebuildable(found: Inspection, shards: readonly number[]): void {
  for (const { name, damage, remedy } of found.parts) {
    // Damage of a shard that is not asked for would end the start, which says so better.
    if (remedy === null || remedy === 'rebuild' || name.startsWith('shards/')) continue
    const [{ file, offset, reason }] = damage as [InspectedPart['damage'][number]]
    throw incomplete(`${file}${offset === null ? '' : ` at byte ${offset}`}: ${reason}`)
  }
  for (const shard of shards) partOf(found, shard)
  const { facts } = found.parts.find(({ name }) => name === 'journal')!
  if (facts['start'] === 0) return
  throw incomplete(`the journal begins at position ${facts['start']}, and what was before is gone`)
}

function damagedShards({ parts }: Inspection): readonly number[] {
  return parts.flatMap(({ name, state }) =>
    name.startsWith('shards/') && state === 'damaged' ? [Number(name.slice(-3))] : [],
  )
}

function partOf({ parts }: Inspection, shard: number): InspectedPart {
  const part = parts.find(({ name }) => name === `shards/${nameOf(shard)}`)
  if (part === undefined) throw incomplete(`there is no shard ${shard}`)
  return part
}

/** Moves the shards' directories to names of their own; by shard, the new path. */
async function moveAside(
  dataDir: string,
  shards: readonly number[],
): Promise<ReadonlyMap<number, string | null>> {
  const asides = new Map<number, string | null>()
  const release = await lockDirectory(dataDir)
  try {
    for (const shard of shards) {
      const from = `shards/${nameOf(shard)}`
      const isThere = existsSync(join(dataDir, from))
      const aside = isThere ? unusedName(dataDir, `${from}.aside`) : null
      if (aside !== null) await rename(join(dataDir, from), join(dataDir, aside))
      asides.set(shard, aside)
    }
    await flushDirectory(join(dataDir, 'shards'))
  } finally {
    await release()
  }
  return asides
}

async function moveBack(
  dataDir: string,
  asides: ReadonlyMap<number, string | null>,
): Promise<void> {
  const release = await lockDirectory(dataDir)
  try {
    for (const [shard, aside] of asides) {
      const path = join(dataDir, 'shards', nameOf(shard))
      await rm(path, { recursive: true, force: true })
      if (aside !== null) await rename(join(dataDir, aside), path)
    }
    await flushDirectory(join(dataDir, 'shards'))
  } finally {
    await release()
  }
}

function unusedName(dataDir: string, name: string): string {
  for (let n = 1; ; n++) {
    const numbered = `${name}-${n}`
    if (!existsSync(join(dataDir, numbered))) return numbered
  }
}

function nameOf(shard: number): string {
  return String(shard).padStart(3, '0')
}

function incomplete(reason: string): MillraceError {
  return new MillraceError('REBUILD_INCOMPLETE', { reason })
}
