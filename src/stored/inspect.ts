/**
 * Looks through a whole data directory that no daemon has open, and says of each part what is
 * wrong with it and what can be done about it. Nothing is changed but the lock.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { reasonOf } from '../base/errors.ts'
import { inspectJournal, type JournalInspection } from '../journal/inspect.ts'
import { inspectLedger, type LedgerInspection } from '../ledger/inspect.ts'
import { lockDirectory } from '../base/lock.ts'
import { readManifest, type Manifest } from '../persist/manifest.ts'
import { quarantineName, readQuarantine } from '../persist/quarantine.ts'
import type { ShardInspection } from '../shard/inspect.ts'
import { assertDataDirectory } from './data-directory.ts'
import { storedFormats } from './formats.ts'
import { inspectApart } from './inspector.ts'

/**
 * What can be done about a part that is damaged. `rebuild`: `millrace rebuild` makes it anew from
 * the journal. `renew`: without it, the next start begins a new one. `backup`: only a copy helps.
 */
export type Remedy = 'rebuild' | 'renew' | 'backup'

export interface Damage {
  /** Path in the data directory. */
  readonly file: string
  /** Byte in the file, where that is known. */
  readonly offset: number | null
  readonly reason: string
}

export interface InspectedPart {
  /** Path in the data directory. */
  readonly name: string
  /** `missing`: it is not there, and the next start makes it without a loss. */
  readonly state: 'sound' | 'missing' | 'damaged'
  readonly facts: Readonly<Record<string, number | string>>
  /** The first of all damage, and how much there is. */
  readonly damage: readonly Damage[]
  readonly damageCount: number
  /** Null when nothing has to be done. */
  readonly remedy: Remedy | null
}

export interface Inspection {
  readonly dataDir: string
  /** Whether every byte was read. */
  readonly isWhole: boolean
  readonly isSound: boolean
  readonly parts: readonly InspectedPart[]
}

/**
 * Inspects a data directory.
 *
 * @param isWhole  Whether every byte is read; else as much as a start reads.
 * @throws MillraceError `STORE_LOCKED`; `FILE_UNREADABLE` when it is no directory of ours.
 */
export async function inspectDirectory(dataDir: string, isWhole: boolean): Promise<Inspection> {
  await assertDataDirectory(dataDir)
  const release = await lockDirectory(dataDir)
  try {
    const [manifest, manifestPart] = await inspectManifest(dataDir)
    const journal = await inspectJournal(join(dataDir, 'journal'), isWhole)
    const ledger = await inspectLedger(join(dataDir, 'ledger'), isWhole)
    const quarantine = await inspectQuarantine(dataDir)
    const logs = [journalPart(journal, isWhole), ledgerPart(ledger, journal)]
    const parts = [manifestPart, ...quarantine, ...logs]
    for (const shard of await shardsOf(dataDir, manifest)) {
      const found = await inspectApart(join(dataDir, 'shards', shard), isWhole)
      parts.push(shardPart(`shards/${shard}`, found, journal))
    }
    const isSound = parts.every(({ state }) => state !== 'damaged')
    return { dataDir, isWhole, isSound, parts }
  } finally {
    await release()
  }
}

async function inspectManifest(dataDir: string): Promise<[Manifest | null, InspectedPart]> {
  const file = 'store.json'
  let reason = 'is missing'
  try {
    const manifest = await readManifest(join(dataDir, file), storedFormats)
    if (manifest !== null) {
      const { incarnation, shards } = manifest
      return [manifest, part(file, { facts: { shards, incarnation } })]
    }
  } catch (thrown) {
    reason = reasonOf(thrown)
  }
  const damage = [{ file, offset: null, reason }]
  return [null, part(file, { damage, remedy: 'backup' })]
}

/** Nothing where there is no such file. */
async function inspectQuarantine(dataDir: string): Promise<readonly InspectedPart[]> {
  const file = quarantineName
  try {
    const { length: events } = await readQuarantine(join(dataDir, file))
    return events === 0 ? [] : [part(file, { facts: { events } })]
  } catch (thrown) {
    const damage = [{ file, offset: null, reason: reasonOf(thrown) }]
    return [part(file, { damage, remedy: 'backup' })]
  }
}

function journalPart(journal: JournalInspection, isWhole: boolean): InspectedPart {
  const { batches, events, producers } = journal
  const facts = isWhole ? { ...factsOf(journal), batches, events } : factsOf(journal)
  const damage = damageOf('journal', journal)
  return part('journal', { facts: { ...facts, producers }, damage, remedy: 'backup' })
}

function ledgerPart(ledger: LedgerInspection, journal: JournalInspection): InspectedPart {
  const damage = damageOf('ledger', ledger)
  if (ledger.position > journal.end) {
    const reason = `has got to position ${ledger.position}, the journal ends at ${journal.end}`
    damage.push({ file: 'ledger', offset: null, reason })
  }
  return part('ledger', { facts: factsOf(ledger), damage, remedy: 'renew' })
}

async function shardsOf(dataDir: string, manifest: Manifest | null): Promise<readonly string[]> {
  if (manifest !== null) {
    return Array.from({ length: manifest.shards }, (_, n) => String(n).padStart(3, '0'))
  }
  const names = await readdir(join(dataDir, 'shards')).catch(() => [])
  return names.filter((name) => /^\d{3}$/.test(name)).toSorted()
}

function shardPart(
  name: string,
  found: ShardInspection | string | null,
  journal: JournalInspection,
): InspectedPart {
  const isReplayable = journal.start === 0 && journal.damage.length === 0
  const remedy = isReplayable ? 'rebuild' : 'backup'
  const told = (reason: string): Damage => ({ file: name, offset: null, reason })
  if (typeof found === 'string') return part(name, { damage: [told(found)], remedy })
  const { position, from, counts, damageCount } = found ?? unmade
  const damage = (found?.damage ?? []).map(told)
  if (position > journal.end) {
    damage.push(told(`has got to position ${position}, the journal ends at ${journal.end}`))
  }
  if (from < journal.start) {
    damage.push(told(`needs the journal from position ${from}, it begins at ${journal.start}`))
  }
  if (found === null && damage.length === 0) return { ...part(name, {}), state: 'missing' }
  const facts = { position, ...counts, ...(found?.isInterrupted ? { interrupted: 'yes' } : {}) }
  const more = damageCount - (found?.damage.length ?? 0)
  return part(name, { facts, damage, remedy, more })
}

type LogFound = JournalInspection | LedgerInspection

/** What there is before the first commit. */
const unmade = { position: 0, from: 0, counts: {}, damageCount: 0, isInterrupted: false }

function factsOf({ segments, start, end, tornBytes }: LogFound): Record<string, number> {
  return { segments, start, end, ...(tornBytes > 0 ? { tornBytes } : {}) }
}

function damageOf(folder: string, { damage }: LogFound): Damage[] {
  return damage.map(({ file, offset, reason }) => ({ file: `${folder}/${file}`, offset, reason }))
}

function part(
  name: string,
  about: {
    readonly facts?: InspectedPart['facts']
    readonly damage?: readonly Damage[]
    /** Damage beyond what is listed. */
    readonly more?: number
    readonly remedy?: Remedy
  },
): InspectedPart {
  const { facts = {}, damage = [], more = 0, remedy = null } = about
  const isDamaged = damage.length > 0
  return {
    name,
    state: isDamaged ? 'damaged' : 'sound',
    facts,
    damage,
    damageCount: damage.length + more,
    remedy: isDamaged ? remedy : null,
  }
}
