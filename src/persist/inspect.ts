/**
 * Looks through the store of a shard: every value, and how many there are. Nothing is changed, but
 * that LMDB goes back to its last flushed transaction after a crash, as by a start.
 *
 * LMDB has no checksums of its pages: a damaged one can end the process that reads it, by a fault
 * that nobody can catch. So this runs in a process of its own (`workers/inspect.ts`).
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { reasonOf } from '../base/errors.ts'
import { assertCounts, countEntries, readCounts, type Counts } from './counts.ts'
import { openEnvironment, unseal, type Environment } from './environment.ts'
import { readMetaPages } from './meta-pages.ts'
import { generationOfRedo } from './redo.ts'
import { headerKey, namesFrom } from './store-keys.ts'
import { readHeader } from './store-writes.ts'

/** What is told of one store, at most; the rest is only counted. */
const damageMax = 100

export interface StoreInspection {
  /** Entries of each database; if values were read, those that are whole. */
  readonly counts: Counts
  /** What the last commit said; null when that cannot be read. */
  readonly header: Uint8Array | null
  /** Number of the last commit; 0 when there was none. */
  readonly generation: number
  /** Whether the next start has a commit to finish. */
  readonly isInterrupted: boolean
  /** What is wrong, and how much. */
  readonly damage: readonly string[]
  readonly damageCount: number
}

/**
 * Inspects the store in a directory; null when there is none.
 *
 * @param options.isWhole  Whether all values are read, or only the header and the counts.
 */
export async function inspectStore(
  path: string,
  { mapBytes, isWhole }: { readonly mapBytes: number; readonly isWhole: boolean },
): Promise<StoreInspection | null> {
  if (!existsSync(join(path, 'data.mdb'))) return null
  const damage = new Damage()
  // One that was not closed is put in order by who opens it first: that cannot be read only.
  const environment = damage.unless(() => {
    return openEnvironment(path, mapBytes, { readOnly: readMetaPages(path)?.isFlushed === true })
  })
  if (environment === null) return { ...nothing, ...damage.told }
  try {
    return walk(environment, { path, isWhole }, damage)
  } finally {
    await environment.keys.close()
  }
}

const nothing = {
  counts: { keys: 0, chunks: 0, ids: 0, indexed: 0 },
  header: null,
  generation: 0,
  isInterrupted: false,
}

/** Collects what is wrong. */
class Damage {
  readonly #reasons: string[] = []
  #count = 0

  get told() {
    return { damage: this.#reasons, damageCount: this.#count }
  }

  /** What `read` returns; null when it throws, which is noted. */
  unless<T>(read: () => T): T | null {
    try {
      return read()
    } catch (thrown) {
      this.#count += 1
      if (this.#count <= damageMax) this.#reasons.push(reasonOf(thrown))
      return null
    }
  }
}

function walk(
  environment: Environment,
  { path, isWhole }: { readonly path: string; readonly isWhole: boolean },
  damage: Damage,
): StoreInspection {
  const stored = damage.unless(() => {
    const sealed = environment.keys.getBinary(headerKey)
    return sealed === undefined ? null : readHeader(unseal(headerKey, sealed, path))
  })
  const generation = stored?.generation ?? 0
  const redone = damage.unless(() => generationOfRedo(join(path, 'redo'))) ?? 0
  const isInterrupted = redone > generation
  const { keys, chunks, ids, indexed } = environment
  const whole = (database: Environment['chunks']): number => wholeValues(database, path, damage)
  const counts: Counts = isWhole
    ? { keys: whole(keys), chunks: whole(chunks), ids: whole(ids), indexed: whole(indexed) }
    : countEntries(environment)
  // A commit that is to be finished may have changed entries, and not yet their counts.
  if (!isInterrupted && damage.told.damageCount === 0) {
    damage.unless(() => assertCounts(path, readCounts(environment, path), counts))
  }
  const header = stored?.header ?? null
  return { counts, header, generation, isInterrupted, ...damage.told }
}

function wholeValues(database: Environment['chunks'], path: string, damage: Damage): number {
  let whole = 0
  damage.unless(() => {
    for (const { key, value } of database.getRange({ end: namesFrom })) {
      if (damage.unless(() => unseal(key, value, path)) !== null) whole += 1
    }
  })
  return whole
}
