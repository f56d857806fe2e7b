/**
 * DuckDB, for what is read and written in files: an instance of its own, in memory, with bounds.
 *
 * It is loaded when the first one is opened: a daemon that has nothing to do with files never
 * loads it. What does not fit into the memory that it may use goes to files of a directory of its
 * own, which is gone when it is closed. Thread: any, each with databases of its own.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as Duckdb from '@duckdb/node-api'
import { threadMemoryBytes } from '../base/batch-limits.ts'
import { MillraceError, reasonOf } from '../base/errors.ts'
import type { AbortSignalLike } from '../base/abort-signal.ts'
import type { Field } from '../model/types.ts'
import { Chunk } from './chunk.ts'
import { sqlType, sqlTypeText, type SqlField } from './sql-type.ts'
import { TableWriter } from './table-writer.ts'

export interface DatabaseOptions {
  /** Threads that answer queries; fewer where {@link threadsWithin} the memory are not so many. */
  readonly threads: number
  /** Memory that it may use, bytes; roughly. */
  readonly memoryBytesMax: number
  /** Has the directory for temporary files. @defaultValue the system's */
  readonly tempIn?: string
  /** Ends what it is at, and refuses all that is asked later, with its reason. */
  readonly signal?: AbortSignalLike
}

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { tempIn = tmpdir(), signal } = options
  const duckdb = await import('@duckdb/node-api')
  const tempDir = await mkdtemp(join(tempIn, 'millrace-'))
  const instance = await duckdb.DuckDBInstance.create(':memory:', {
    threads: String(threadsWithin(options.memoryBytesMax, options.threads)),
    memory_limit: `${options.memoryBytesMax}B`,
    temp_directory: tempDir,
  })
  const connection = await instance.connect()
  // What is made of a time must not depend on where the machine is.
  await connection.run("SET GLOBAL TimeZone = 'UTC'")
  return new Database({ duckdb, instance, connection, tempDir, signal })
}

/** How many of these threads there is memory for; at least one. */
export function threadsWithin(memoryBytes: number, threads: number): number {
  return Math.max(1, Math.min(threads, Math.floor(memoryBytes / threadMemoryBytes)))
}

interface OpenDatabase {
  readonly duckdb: typeof Duckdb
  readonly instance: Duckdb.DuckDBInstance
  readonly connection: Duckdb.DuckDBConnection
  readonly tempDir: string
  readonly signal: AbortSignalLike | undefined
}

export class Database {
  /** Where what is too much for the memory is; whoever has the database may have files there. */
  readonly tempDir: string
  readonly #duckdb: typeof Duckdb
  readonly #instance: Duckdb.DuckDBInstance
  readonly #connection: Duckdb.DuckDBConnection
  readonly #signal: AbortSignalLike | undefined
  readonly #forget: () => void

  constructor({ duckdb, instance, connection, tempDir, signal }: OpenDatabase) {
    this.#duckdb = duckdb
    this.#instance = instance
    this.#connection = connection
    this.tempDir = tempDir
    this.#signal = signal
    this.#forget = interruptBy(signal, connection)
  }

  /** Runs a statement whose answer is of no interest. */
  async run(sql: string): Promise<void> {
    await this.#told(() => this.#connection.run(sql))
  }

  /** The rows of a small answer. */
  async rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    return rowsOf(this.stream(sql))
  }

  /** The columns that a query would have. */
  async columnsOf(sql: string): Promise<readonly SqlField[]> {
    const prepared = await this.#told(() => this.#connection.prepare(sql))
    try {
      const columns: SqlField[] = []
      for (let n = 0; n < prepared.columnCount; n++) {
        columns.push({ name: prepared.columnName(n), type: sqlType(prepared.columnType(n)) })
      }
      return columns
    } finally {
      prepared.destroySync()
    }
  }

  /** The rows of a query, in its order, some thousands at a time; a chunk is gone with the next. */
  async *stream(sql: string): AsyncGenerator<Chunk> {
    const session = await this.openSession()
    try {
      yield* session.stream(sql)
    } finally {
      session.close()
    }
  }

  /** For queries in turn, of which one may ask about what the one before has left. */
  async openSession(): Promise<Session> {
    return new Session(await this.#instance.connect(), this.#signal)
  }

  /** Makes a table of these fields, to be filled. */
  async createTable(table: string, fields: readonly Field[]): Promise<TableWriter> {
    const columns = fields.map(({ name, type }) => `${sqlName(name)} ${sqlTypeText(type)}`)
    await this.run(`CREATE TABLE ${sqlName(table)} (${columns.join(', ')})`)
    const appender = await this.#told(() => this.#connection.createAppender(table))
    return new TableWriter(this.#duckdb, appender, fields)
  }

  async close(): Promise<void> {
    this.#forget()
    this.#connection.closeSync()
    this.#instance.closeSync()
    // Another thread may have begun a file in it, and not know yet that it is to end.
    await rm(this.tempDir, { recursive: true, force: true, maxRetries: 5 })
  }

  #told<T>(ask: () => Promise<T>): Promise<T> {
    return told(ask, this.#signal)
  }
}

/** Answers one query at a time: the next one ends the answer to the one before. */
export class Session {
  readonly #connection: Duckdb.DuckDBConnection
  readonly #signal: AbortSignalLike | undefined
  readonly #forget: () => void

  constructor(connection: Duckdb.DuckDBConnection, signal?: AbortSignalLike) {
    this.#connection = connection
    this.#signal = signal
    this.#forget = interruptBy(signal, connection)
  }

  async *stream(sql: string): AsyncGenerator<Chunk> {
    const result = await told(() => this.#connection.stream(sql), this.#signal)
    for (;;) {
      const chunk = await told(() => result.fetchChunk(), this.#signal)
      if (chunk === null || chunk.rowCount === 0) return
      yield new Chunk(chunk)
    }
  }

  close(): void {
    this.#forget()
    this.#connection.closeSync()
  }
}

/** An interruption before a query has begun is lost, so there is more than one. */
const interruptEveryMs = 20

/** Interrupts what a connection is at, from when the signal comes; returns what ends that. */
function interruptBy(
  signal: AbortSignalLike | undefined,
  connection: Duckdb.DuckDBConnection,
): () => void {
  let timer: NodeJS.Timeout | undefined
  const interrupt = (): void => {
    connection.interrupt()
    timer = setInterval(() => connection.interrupt(), interruptEveryMs)
  }
  signal?.addEventListener('abort', interrupt)
  return () => {
    signal?.removeEventListener('abort', interrupt)
    clearInterval(timer)
  }
}

/** All rows of an answer. */
export async function rowsOf(chunks: AsyncIterable<Chunk>): Promise<unknown[][]> {
  const rows: unknown[][] = []
  for await (const chunk of chunks) {
    const columns = Array.from({ length: chunk.columnCount }, (_, n) => chunk.column(n))
    for (let i = 0; i < chunk.count; i++) rows.push(columns.map((column) => column.get(i)))
  }
  return rows
}

/** What DuckDB says of a query or a file that it cannot read, as an error of ours. */
async function told<T>(ask: () => Promise<T>, signal?: AbortSignalLike): Promise<T> {
  signal?.throwIfAborted()
  try {
    return await ask()
  } catch (thrown) {
    signal?.throwIfAborted()
    // What follows shows the query, which is ours for the greater part.
    const reason = reasonOf(thrown).split('\n')[0]!
    throw new MillraceError('QUERY_FAILED', { reason }, { cause: thrown })
  }
}

/** A text as a literal of SQL. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** A name as SQL takes it, whatever it is. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
