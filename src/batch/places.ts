/**
 * Where rows are, in words: the name of a file and a row in it.
 *
 * Rows are numbered over all files as they are read; which file has which numbers is asked when
 * somebody wants to know it for the first time.
 */
import { sqlName, type Database } from '../duckdb/database.ts'
import { placeColumns, type Relation } from './relation.ts'

/** Where a row is. */
export interface BatchPlace {
  /** Null for the rows of a query. */
  readonly file: string | null
  /** Number of the row in the file, or in the answer of the query, from 1. */
  readonly row: number
}

interface FileRows {
  readonly name: string
  /** Number of its first row. */
  readonly first: number
}

export class Places {
  readonly #database: Database
  readonly #relation: Relation
  #files: Promise<ReadonlyMap<number, FileRows>> | null = null

  constructor(database: Database, relation: Relation) {
    this.#database = database
    this.#relation = relation
  }

  /** @param file  Number of the file, and of the row, as the relation has them. */
  async placeOf(file: number, row: number): Promise<BatchPlace> {
    this.#files ??= this.#relation.isOfFiles ? this.#ask() : Promise.resolve(new Map())
    const rows = (await this.#files).get(file)
    return rows === undefined ? { file: null, row } : { file: rows.name, row: row - rows.first + 1 }
  }

  async #ask(): Promise<ReadonlyMap<number, FileRows>> {
    const file = sqlName(placeColumns.file)
    const row = sqlName(placeColumns.row)
    const rows = await this.#database.rows(
      `SELECT ${file}, any_value(filename), min(${row}) FROM ${this.#relation.placed} GROUP BY 1`,
    )
    return new Map(
      rows.map(([file, name, first]) => [
        Number(file),
        { name: String(name), first: Number(first) },
      ]),
    )
  }
}
