/**
 * Where rows are, in words: the name of a file and a row in it.
 *
 * Rows are numbered over all files as they are read; which file has which numbers is asked when
 * somebody wants to know it for the first time.
 */
import { sqlName, type Database } from '../duckdb/database.ts'
import type { Origin, Origins } from '../model/origins.ts'
import { placeColumns, type Relation } from './relation.ts'

/** Where many rows are. */
export type ManyPlaces = Omit<Origins, 'refused'>

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
  async placeOf(file: number, row: number): Promise<Origin> {
    const rows = (await this.#all()).get(file)
    return rows === undefined ? { file: null, row } : { file: rows.name, row: row - rows.first + 1 }
  }

  /** @param file  Numbers of the files, and of the rows. */
  async placesOf(file: Float64Array, row: Float64Array): Promise<ManyPlaces> {
    const all = await this.#all()
    const numbers = [...all.keys()]
    const places = new Map(numbers.map((number, place) => [number, place]))
    const files = numbers.length === 0 ? [null] : numbers.map((number) => all.get(number)!.name)
    const firsts = numbers.map((number) => all.get(number)!.first)
    const fileOf = new Uint16Array(file.length)
    const rowOf = new Float64Array(row.length)
    for (let n = 0; n < file.length; n++) {
      const place = files.length === 1 ? 0 : (places.get(file[n]!) ?? 0)
      fileOf[n] = place
      rowOf[n] = row[n]! - (firsts[place] ?? 1) + 1
    }
    return { files, file: fileOf, row: rowOf }
  }

  #all(): Promise<ReadonlyMap<number, FileRows>> {
    this.#files ??= this.#relation.isOfFiles ? this.#ask() : Promise.resolve(new Map())
    return this.#files
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
