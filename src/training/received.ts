/**
 * What a daemon has received, and when: the events of a source as its data directory has them, for
 * rows as they would have been served.
 *
 * In: the journal, without what the ledger says was not counted, and of a source with an offline
 * log its files, which reach further back. What both have is taken once, from the files if these
 * are whole. Out: rows in the order in which they arrived. The directory may be in use; nothing in
 * it is changed.
 */
import { join } from 'node:path'
import { MillraceError } from '../base/errors.ts'
import type { HashSeed } from '../base/hash.ts'
import { placeColumns, writtenRelation, type Relation } from '../batch/relation.ts'
import { sqlName, sqlText, type Database } from '../duckdb/database.ts'
import { readEvents } from '../export/event-log.ts'
import { listParts } from '../export/list-parts.ts'
import { wholeFrom, type ReadableOfflineLog } from '../export/readable-log.ts'
import { readOfflineState } from '../export/state.ts'
import { journalFormat } from '../journal/record.ts'
import { ledgerFormat } from '../ledger/record.ts'
import { readExtent, type ReadableLog } from '../log/extent.ts'
import { nodeFiles } from '../log/files.ts'
import type { Catalog, Source, View } from '../model/catalog.ts'
import { logColumns } from '../model/offline.ts'
import type { Field } from '../model/types.ts'
import { readManifest, type Manifest } from '../persist/manifest.ts'
import { storedFormats } from '../stored/formats.ts'
import { arrivalSql } from './known.ts'
import type { ReceivedFacts } from './manifest.ts'

/** A data directory, as far as it tells what arrived. */
export interface Store {
  readonly manifest: Manifest
  /** The secret by which it hashes values. */
  readonly seed: HashSeed
  readonly journal: ReadableLog
  readonly ledger: ReadableLog
  /** Of this journal; null where nothing is exported. */
  readonly offline: ReadableOfflineLog | null
}

/** The events of one source. */
export interface Received {
  readonly relation: Relation
  readonly facts: ReceivedFacts
}

const ownFields: readonly Field[] = [
  { name: logColumns.arrival, type: { kind: 'Timestamp', nullable: false } },
  { name: logColumns.position, type: { kind: 'Int64', nullable: false } },
  { name: logColumns.sequence, type: { kind: 'Int64', nullable: false } },
]

const position = sqlName(logColumns.position)

/**
 * @throws {@link MillraceError} `FILE_UNREADABLE` for what is no data directory; `STORE_FORMAT`,
 *   `STORE_CORRUPT`, `JOURNAL_CORRUPT`, `LEDGER_CORRUPT`.
 */
export async function openStore(dataDir: string): Promise<Store> {
  const file = join(dataDir, 'store.json')
  const manifest = await readManifest(file, storedFormats)
  if (manifest === null) {
    throw new MillraceError('FILE_UNREADABLE', { file, reason: 'there is no data directory' })
  }
  const journal = await readExtent(join(dataDir, 'journal'), journalFormat)
  const ledger = await readExtent(join(dataDir, 'ledger'), ledgerFormat)
  // Behind the logs: what is exported meanwhile is in the journal, and not taken from its files.
  const offline = await readOffline(join(dataDir, 'offline'), journal)
  return { manifest, seed: manifest.seed, journal, ledger, offline }
}

async function readOffline(
  dir: string,
  { logId }: ReadableLog,
): Promise<ReadableOfflineLog | null> {
  const state = await readOfflineState(dir)
  return state?.journalId === logId ? { state, parts: await listParts(dir) } : null
}

/**
 * Where the stream of a view begins, event time, ms: what is before it came, or is to come, from a
 * batch source, and never arrived. Null for a view that counts all of its stream.
 */
export function streamFrom({ manifest }: Store, { name }: Pick<View, 'name'>): number | null {
  return manifest.views[name]?.history?.boundaryMs ?? null
}

/**
 * @param catalog  In which events of the source come as they are pushed.
 * @param database  Has the rows of the journal in a file of its directory.
 * @throws {@link MillraceError} `CONFIG_INVALID` for a source that the store does not have.
 */
export async function openReceived(
  store: Store,
  catalog: Catalog,
  source: Source,
  database: Database,
): Promise<Received> {
  if (store.manifest.sources[source.name] === undefined) {
    const reason = `the store has no source "${source.name}"`
    throw new MillraceError('CONFIG_INVALID', { path: 'dataDir', reason })
  }
  const kept = keptOf(store, source)
  const file = join(database.tempDir, `received-${source.name}.parquet`)
  const unreadable = await stageJournal({ store, catalog, source, database, file, kept })
  const columns = [...source.fields, ...ownFields].map(({ name }) => sqlName(name)).join(', ')
  const select = (...files: readonly string[]): string =>
    `SELECT ${columns} FROM ${writtenRelation(...files).placed}`
  const inFiles = `${position} > ${kept.after} AND ${position} <= ${kept.upTo}`
  const logged = kept.files.length === 0 ? [] : [`${select(...kept.files)} WHERE ${inFiles}`]
  const rows = `(${[select(file), ...logged].join(' UNION ALL ')})`
  const facts = { ...(await factsOf(store, kept, rows, database)), unreadable }
  return { relation: relationOf(rows), facts }
}

/** What is taken from the offline log: events of batches that end behind `after`, up to `upTo`. */
interface Kept {
  readonly after: number
  /** Later ones are read in the journal. */
  readonly upTo: number
  readonly files: readonly string[]
  /** Position from which on every event is known. */
  readonly from: number
}

function keptOf({ offline, journal }: Store, { name }: Source): Kept {
  const journalStart = startOf(journal)
  const since = offline?.state.since[name]
  if (offline === null || since === undefined) {
    return { after: 0, upTo: 0, files: [], from: journalStart }
  }
  const { exported, retiredTo } = offline.state
  const whole = wholeFrom(offline, name, journalStart) ?? Infinity
  // Where the journal is there, files that may lack an event are not taken for it.
  const upTo = whole <= journalStart ? exported : Math.min(exported, journalStart)
  const after = Math.max(since, retiredTo)
  const own = offline.parts.filter(
    (part) => part.source === name && part.to <= exported && part.to > after && part.from < upTo,
  )
  const from = Math.min(journalStart, whole)
  return { after, upTo, files: own.map(({ path }) => path), from }
}

function startOf({ segments }: ReadableLog): number {
  return segments[0]?.start ?? 0
}

/** Writes the rows that the journal has of a source; returns how many it cannot make any more. */
async function stageJournal(staging: {
  readonly store: Store
  readonly catalog: Catalog
  readonly source: Source
  readonly database: Database
  readonly file: string
  readonly kept: Kept
}): Promise<number> {
  const { store, catalog, source, database, file, kept } = staging
  const { journal, ledger } = store
  const from = Math.max(startOf(journal), kept.upTo)
  const end = journal.segments.at(-1)?.end ?? 0
  const table = await database.createTable('received', [...source.fields, ...ownFields])
  const told = { ledgerTo: 0, unreadable: 0 }
  if (from < end) {
    const since = { [source.name]: from }
    const range = { journal, ledger, from, to: end, ledgerFrom: 0, since }
    for await (const logged of readEvents(catalog, nodeFiles, range, told)) {
      const { event, arrivalMs } = logged
      const values = source.fields.map(({ name }) => event.values[name]!)
      const numbers = [logged.position, logged.sequence].map((number) => BigInt(number))
      table.append([...values, BigInt(arrivalMs) * 1_000_000n, ...numbers])
    }
  }
  table.close()
  await database.run(`COPY received TO ${sqlText(file)} (FORMAT parquet)`)
  await database.run('DROP TABLE received')
  return told.unreadable
}

async function factsOf(
  { manifest, journal }: Store,
  { from }: Kept,
  rows: string,
  database: Database,
): Promise<Omit<ReceivedFacts, 'unreadable'>> {
  // Views that are gone may have been there before those that are left.
  const begun = Math.min(...Object.values(manifest.views).map(({ since }) => since))
  const isWhole = from === 0 || from <= begun
  const [[events, newest, first]] = (await database.rows(
    `SELECT count(*), max(${arrivalSql}), min(${arrivalSql}) FILTER (${position} > ${from})
      FROM ${rows}`,
  )) as [[bigint, bigint | null, bigint | null]]
  return {
    journal: journal.logId,
    events: Number(events),
    newest: momentOf(newest),
    knownFrom: isWhole ? null : momentOf(first ?? newest),
  }
}

function momentOf(ns: bigint | null): string | null {
  return ns === null ? null : new Date(Number(ns / 1_000_000n)).toISOString()
}

function relationOf(rows: string): Relation {
  const places = `${position} AS ${sqlName(placeColumns.file)},
    ${sqlName(logColumns.sequence)} AS ${sqlName(placeColumns.row)}`
  return {
    setUp: [],
    detected: `SELECT * FROM ${rows}`,
    placed: `(SELECT *, ${places} FROM ${rows})`,
    form: 'typed',
    file: null,
  }
}
