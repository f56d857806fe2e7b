/**
 * The rows of a source's batch, as events of the source that nobody has checked yet.
 *
 * In: files or a query, as the definition says. Out: batches of events in the very form in which a
 * producer sends them, so that they go the way of all others, and with each the place of its row.
 * Before anything is read, every column that is missing or cannot be a field is named.
 *
 * Rows that a post-processor makes are written to a file first: what it will make of a row, the
 * time of the event among it, cannot be asked before. What it rejects is told there and then.
 */
import { join } from 'node:path'
import type { Batch, Source } from '../model/catalog.ts'
import type { Origin } from '../model/origins.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import { rowsOf, sqlName, type Database } from '../duckdb/database.ts'
import type { Cells } from '../duckdb/chunk.ts'
import { EventWriter } from './event-writer.ts'
import { numberedChunk, type NumberedChunk } from './numbered-chunk.ts'
import { planRows, type PlannedRows } from './planned-rows.ts'
import { Places, type ManyPlaces } from './places.ts'
import { placeColumns, relationOf, writtenRelation } from './relation.ts'
import { stageRows } from './stage.ts'

/** Which events, by event time in ns: from one moment on and before another; null for no bound. */
export interface BatchRange {
  readonly fromNs: bigint | null
  readonly toNs: bigint | null
}

/** A row that is no event, for a reason that no check of events would find. */
export interface RejectedRow extends Omit<Rejection, 'index'> {
  readonly place: Origin
}

/** Some events; gone with the next chunk. */
export interface BatchChunk {
  readonly count: number
  /** The msgpack array of `bin`, an event each, as in a producer's batch. */
  readonly payload: Uint8Array
  /** Where event `index` of the chunk comes from; to be called before the next chunk. */
  placeOf(index: number): Promise<Origin>
  /** The same of all events. */
  places(): Promise<ManyPlaces>
  /** Rows that are in no chunk. */
  readonly rejected: readonly RejectedRow[]
}

export interface ReadOptions extends BatchRange {
  /** By event time, and among equals in the order of the rows; else in that order. */
  readonly isOrdered: boolean
}

/** Reads one source's batch, as often as one likes, one read at a time. */
export class BatchReader {
  readonly #database: Database
  readonly #source: Source
  readonly #places: Places
  /** What is read: the batch, or what was made of it. */
  #rows: PlannedRows
  /** The batch whose rows are still to be made. */
  #unmade: Batch | null
  #madeFile: string | null = null
  /** Null until all rows were read; empty when the lines were told that are none. */
  #broken: readonly (readonly unknown[])[] | null = null
  readonly #writer = new EventWriter()

  /**
   * Finds the columns.
   *
   * @throws {@link MillraceError} `BATCH_COLUMNS` with every column that does not fit;
   *   `QUERY_FAILED` when there are no such files, or the query is wrong.
   */
  static async open(database: Database, source: Source, batch: Batch): Promise<BatchReader> {
    const fields = batch.input?.fields ?? source.fields
    const relation = relationOf(batch, fields)
    for (const statement of relation.setUp) await database.run(statement)
    const rows = await planRows(database, relation, source, fields)
    return new BatchReader(database, source, batch, rows)
  }

  private constructor(database: Database, source: Source, batch: Batch, rows: PlannedRows) {
    this.#database = database
    this.#source = source
    this.#places = new Places(database, rows.relation)
    this.#rows = rows
    this.#unmade = batch.input === undefined ? null : batch
  }

  /**
   * The events of a range. An event whose time cannot be told is in every range, to be rejected.
   *
   * The rows that a post-processor rejects, and lines that are no rows, come with the first read,
   * whatever its range.
   */
  async *read({ fromNs, toNs, isOrdered }: ReadOptions): AsyncGenerator<BatchChunk> {
    yield* this.make()
    const { time } = this.#rows
    const order = isOrdered ? `ORDER BY ${timeColumn} NULLS FIRST, ${fileColumn}, ${rowColumn}` : ''
    const rest = `${whereWithin({ fromNs, toNs })} ${order}`
    for await (const chunk of this.#chunks(this.#rows, [`${time} AS ${timeColumn}`], rest)) {
      const { count, payload } = chunk
      yield {
        count,
        payload,
        rejected: [],
        placeOf: (index) => this.#placeOf(chunk, index),
        places: () =>
          this.#places.placesOf(numbersOf(chunk.file, count), numbersOf(chunk.row, count)),
      }
    }
    yield* this.#takeBroken()
  }

  /** How many events are in a range; null before the post-processor has made them. */
  async count(range: BatchRange): Promise<number | null> {
    if (this.#unmade !== null) return null
    const { relation, time } = this.#rows
    const rows = `SELECT ${time} AS ${timeColumn} FROM ${relation.placed}`
    const [answer] = await this.#database.rows(
      `SELECT count(*) FROM (${rows}) ${whereWithin(range)}`,
    )
    return Number(answer![0])
  }

  async *#chunks(
    rows: PlannedRows,
    more: readonly string[],
    rest: string,
  ): AsyncGenerator<NumberedChunk> {
    const { relation, plans } = rows
    const columns = plans.flatMap(({ sql }) => sql)
    const asked = columns.map((sql, n) => `${sql} AS c${n}`)
    const named = columns.map((_, n) => `c${n}`)
    const places = `${fileColumn}, ${rowColumn}`
    const inner = `SELECT ${[...asked, places, ...more].join(', ')} FROM ${relation.placed}`
    const sql = `SELECT ${[...named, places].join(', ')} FROM (${inner}) ${rest}`
    const session = await this.#database.openSession()
    try {
      for await (const chunk of session.stream(sql)) {
        yield numberedChunk(this.#writer, plans, chunk)
      }
      const { brokenLines } = relation
      if (brokenLines !== null) this.#broken ??= await rowsOf(session.stream(brokenLines))
    } finally {
      session.close()
    }
  }

  /** The lines that are no rows, once. */
  *#takeBroken(): Generator<BatchChunk> {
    const lines = this.#broken ?? []
    if (lines.length === 0) return
    this.#broken = []
    const rejected = lines.map(([file, line, reason]) => {
      const { index: _, ...why } = rejection(0, 'BATCH_ROW', '', { reason: String(reason) })
      return { ...why, place: { file: String(file), row: Number(line) } }
    })
    yield { ...nothing, rejected }
  }

  #placeOf({ file, row }: NumberedChunk, index: number): Promise<Origin> {
    return this.#places.placeOf(Number(file.get(index)), Number(row.get(index)))
  }

  /** What is read: the batch, or once they are made, the rows of its post-processor. */
  get rows(): PlannedRows {
    return this.#rows
  }

  /** The file that has the rows which a post-processor has made; null where there is none. */
  get madeFile(): string | null {
    return this.#madeFile
  }

  /**
   * Makes the rows that a post-processor makes, unless they are there; they are read in place of
   * the others from then on. The chunks have no events, but what was rejected.
   */
  async *make(): AsyncGenerator<BatchChunk> {
    const batch = this.#unmade
    if (batch === null) return
    const database = this.#database
    const source = this.#source
    const file = join(database.tempDir, `${source.name}.parquet`)
    const chunks = this.#chunks(this.#rows, [], '')
    for await (const refused of stageRows({ database, source, batch, chunks, file })) {
      const rejected: RejectedRow[] = []
      for (const { index, ...why } of refused.rejections) {
        rejected.push({ ...why, place: await this.#placeOf(refused.chunk, index) })
      }
      yield { ...nothing, rejected }
    }
    yield* this.#takeBroken()
    this.#rows = await planRows(database, writtenRelation(file), source, source.fields)
    this.#unmade = null
    this.#madeFile = file
  }
}

const fileColumn = sqlName(placeColumns.file)
const rowColumn = sqlName(placeColumns.row)
const timeColumn = 'millrace_time'

const nothing: BatchChunk = {
  count: 0,
  places: () => {
    return Promise.resolve({ files: [], file: new Uint16Array(0), row: new Float64Array(0) })
  },
  payload: Uint8Array.of(0x90),
  rejected: [],
  placeOf: () => Promise.reject(new RangeError('the chunk has no events')),
}

/** Rows whose time cannot be told are in every range. */
function whereWithin({ fromNs, toNs }: BatchRange): string {
  const bounds = [
    ...(fromNs === null ? [] : [`${timeColumn} >= ${fromNs}`]),
    ...(toNs === null ? [] : [`${timeColumn} < ${toNs}`]),
  ]
  return bounds.length === 0 ? '' : `WHERE ${timeColumn} IS NULL OR (${bounds.join(' AND ')})`
}

/** Integers below 2⁵³. */
function numbersOf({ words }: Cells, count: number): Float64Array {
  const numbers = new Float64Array(count)
  for (let n = 0; n < count; n++) numbers[n] = words[2 * n + 1]! * 2 ** 32 + (words[2 * n]! >>> 0)
  return numbers
}
