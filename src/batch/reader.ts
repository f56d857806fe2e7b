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
import { sqlName, type Database } from '../duckdb/database.ts'
import type { Cells } from '../duckdb/chunk.ts'
import { EventWriter } from './event-writer.ts'
import { findRows, type FoundRows } from './find-rows.ts'
import { numberedChunk, type NumberedChunk } from './numbered-chunk.ts'
import { planRows, type PlannedRows } from './planned-rows.ts'
import type { ManyPlaces, Places } from './places.ts'
import { placeColumns, writtenRelation } from './relation.ts'
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
  placeOf(index: number): Origin
  /** The same of all events. */
  places(): ManyPlaces
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
  readonly #found: FoundRows
  /** What is read: the batch, or what was made of it. */
  #rows: PlannedRows
  /** The batch whose rows are still to be made. */
  #unmade: Batch | null
  #madeFile: string | null = null
  readonly #writer = new EventWriter()

  /**
   * Finds the columns, and in files the rows that are none.
   *
   * @throws {@link MillraceError} `BATCH_COLUMNS` with every column that does not fit, `BATCH_FILE`
   *   for a file that is not there or cannot be read, `QUERY_FAILED` for a query that is wrong.
   */
  static async open(database: Database, source: Source, batch: Batch): Promise<BatchReader> {
    const fields = batch.input?.fields ?? source.fields
    const found = await findRows(database, source, batch, fields)
    for (const statement of found.relation.setUp) await database.run(statement)
    const rows = await planRows(database, found.relation, source, fields)
    return new BatchReader(database, source, batch, { found, rows })
  }

  private constructor(
    database: Database,
    source: Source,
    batch: Batch,
    { found, rows }: { readonly found: FoundRows; readonly rows: PlannedRows },
  ) {
    this.#database = database
    this.#source = source
    this.#found = found
    this.#rows = rows
    this.#unmade = batch.input === undefined ? null : batch
  }

  /**
   * The events of a range. An event whose time cannot be told is in every range, to be rejected.
   *
   * The rows that a post-processor rejects come with the first read, whatever its range; those
   * that are {@link broken} never.
   *
   * @throws {@link MillraceError} `BATCH_FILE` when a file was changed while it was read: before
   *   the first event where events are ordered, else behind the last.
   */
  async *read({ fromNs, toNs, isOrdered }: ReadOptions): AsyncGenerator<BatchChunk> {
    yield* this.make()
    const { time } = this.#rows
    const order = isOrdered ? `ORDER BY ${timeColumn} NULLS FIRST, ${fileColumn}, ${rowColumn}` : ''
    const rest = `${whereWithin({ fromNs, toNs })} ${order}`
    let isChecked = false
    for await (const chunk of this.#chunks(this.#rows, [`${time} AS ${timeColumn}`], rest)) {
      // What is sorted has been read to its end.
      if (isOrdered && !isChecked) await this.assertUnchanged()
      isChecked = isOrdered
      const { count, payload } = chunk
      const { places } = this.#found
      yield {
        count,
        payload,
        rejected: [],
        placeOf: (index) => this.#placeOf(chunk, index),
        places: () => places.placesOf(numbersOf(chunk.file, count), numbersOf(chunk.row, count)),
      }
    }
    if (!isChecked) await this.assertUnchanged()
  }

  /** Rows that are none, such as lines of a CSV file with too few values. */
  get broken(): readonly RejectedRow[] {
    const { broken, files } = this.#found
    return broken.map(({ file, row, reason }) => {
      const { index: _, ...why } = rejection(0, 'BATCH_ROW', '', { reason })
      return { ...why, place: { file: files!.names[file]!, row } }
    })
  }

  /** Where rows are, by the numbers of {@link rows}. */
  get places(): Places {
    return this.#found.places
  }

  /** @throws {@link MillraceError} `BATCH_FILE` when a file was changed since it was opened. */
  async assertUnchanged(): Promise<void> {
    if (this.#madeFile === null) await this.#found.files?.assertUnchanged()
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
    } catch (thrown) {
      // It may be why it cannot be read.
      await this.assertUnchanged()
      throw thrown
    } finally {
      session.close()
    }
  }

  #placeOf({ file, row }: NumberedChunk, index: number): Origin {
    return this.#found.places.placeOf(Number(file.get(index)), Number(row.get(index)))
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
        rejected.push({ ...why, place: this.#placeOf(refused.chunk, index) })
      }
      yield { ...nothing, rejected }
    }
    await this.assertUnchanged()
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
  places: () => ({ files: [], file: new Uint16Array(0), row: new Float64Array(0) }),
  payload: Uint8Array.of(0x90),
  rejected: [],
  placeOf: () => {
    throw new RangeError('the chunk has no events')
  },
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
