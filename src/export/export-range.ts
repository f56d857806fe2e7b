/**
 * A part of the journal → Parquet files of the offline log.
 *
 *     <dir>/source=clicks/day=2024-05-01/part-<from>-<to>.parquet
 *
 * One file for each source and day of arrival that the part has events of. The positions between
 * which the part lies make the name, so that a part which is written again, after a crash, takes
 * the place of what was there. Files are written under other names, flushed, and only then renamed:
 * whoever lists the directory sees whole files, and never an event in two of them.
 *
 * In a process of its own.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { exportMemoryBytesMax } from '../base/limits.ts'
import { openDatabase, sqlName, sqlText, type Database } from '../duckdb/database.ts'
import type { TableWriter } from '../duckdb/table-writer.ts'
import { nodeFiles } from '../log/files.ts'
import type { Catalog } from '../model/catalog.ts'
import { logColumns } from '../model/offline.ts'
import type { Field } from '../model/types.ts'
import { readEvents, type JournalRange, type LoggedEvent } from './event-log.ts'
import type { OfflineFiles } from './log-files.ts'

export interface ExportedRange {
  /** Rows written, and the files that they are in. */
  readonly rows: number
  readonly files: number
  /** Accepted events of which no row could be made. */
  readonly unreadable: number
  /** Where in the ledger the records of later batches begin. */
  readonly ledgerTo: number
}

/** Rows of one group of a file. */
const rowsPerGroup = 122_880

/** Not visible to whoever looks for Parquet files. */
const writingName = '.writing'

/** The log's own columns, behind those of the source. */
const ownFields: readonly Field[] = [
  { name: logColumns.arrival, type: { kind: 'Timestamp', nullable: false } },
  { name: logColumns.producer, type: { kind: 'String', nullable: false } },
  { name: logColumns.epoch, type: { kind: 'Int64', nullable: false } },
  { name: logColumns.sequence, type: { kind: 'Int64', nullable: false } },
  { name: logColumns.position, type: { kind: 'Int64', nullable: false } },
]

/** @throws MillraceError of either log; errors of the file system and of DuckDB as they are. */
export async function exportRange(
  catalog: Catalog,
  dir: string,
  range: JournalRange,
  files: OfflineFiles,
): Promise<ExportedRange> {
  const writing = join(dir, writingName)
  await files.remove(writing)
  await mkdir(writing, { recursive: true, mode: 0o700 })
  const database = await openDatabase({ memoryBytesMax: exportMemoryBytesMax, threads: 1 })
  try {
    const parts = new Parts(database)
    const end = { ledgerTo: range.ledgerFrom, unreadable: 0 }
    for await (const logged of readEvents(catalog, nodeFiles, range, end)) await parts.add(logged)
    const written = await parts.write(writing)
    for (const { path } of written) await files.flushFile(path)
    const name = `part-${digits(range.from)}-${digits(range.to)}.parquet`
    for (const { path, folder } of written) {
      await files.createDirectory(join(dir, folder))
      await files.rename(path, join(dir, folder, name))
      await files.flushDirectory(join(dir, folder))
    }
    return { rows: parts.rows, files: written.length, ...end }
  } finally {
    await database.close()
    await files.remove(writing)
  }
}

/** The rows of a part, a table for each file that is to be; its name is that of the folder. */
class Parts {
  readonly #database: Database
  readonly #tables = new Map<string, TableWriter>()
  rows = 0

  constructor(database: Database) {
    this.#database = database
  }

  async add(logged: LoggedEvent): Promise<void> {
    const { source, event, arrivalMs, producer } = logged
    const folder = `source=${source.name}/day=${dayOf(arrivalMs)}`
    let table = this.#tables.get(folder)
    if (table === undefined) {
      table = await this.#database.createTable(folder, [...source.fields, ...ownFields])
      this.#tables.set(folder, table)
    }
    const { epoch, sequence, position } = logged
    const numbers = [epoch, sequence, position].map((number) => BigInt(number))
    const values = source.fields.map(({ name }) => event.values[name]!)
    table.append([...values, BigInt(arrivalMs) * 1_000_000n, producer, ...numbers])
    this.rows += 1
  }

  /** Writes a file of each table, which is not flushed, and tells the folder that it is for. */
  async write(dir: string): Promise<{ readonly path: string; readonly folder: string }[]> {
    const written: { readonly path: string; readonly folder: string }[] = []
    for (const [folder, table] of this.#tables) {
      table.close()
      const path = join(dir, `${written.length}.new`)
      const options = `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowsPerGroup}`
      await this.#database.run(`COPY ${sqlName(folder)} TO ${sqlText(path)} (${options})`)
      await this.#database.run(`DROP TABLE ${sqlName(folder)}`)
      written.push({ path, folder })
    }
    return written
  }
}

/** The day of a moment in UTC, as a folder has it. */
function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** A position as names have it, so that they sort like positions. */
function digits(position: number): string {
  return String(position).padStart(16, '0')
}
