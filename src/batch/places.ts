/**
 * Where rows are, in words: the name of a file and a row in it.
 *
 * Rows are numbered as they are read: over several files, and without those that are broken. A
 * person counts otherwise: from the beginning of a file, and whatever stands there.
 */
import type { Origin, Origins } from '../model/origins.ts'

/** Where many rows are. */
export type ManyPlaces = Omit<Origins, 'refused'>

/** The rows of one file. */
export interface FileRows {
  readonly name: string
  /** Number of the first that is read. */
  readonly first: number
  /** Numbers in the file of those that are not read, and not numbered; ascending. */
  readonly skipped: readonly number[]
}

export class Places {
  readonly #files: readonly FileRows[]

  /** @param files  By the number of each; none for rows that are of no file. */
  constructor(files: readonly FileRows[]) {
    this.#files = files
  }

  /** @param file  Number of the file, and of the row, as the relation has them. */
  placeOf(file: number, row: number): Origin {
    const rows = this.#files[file]
    return rows === undefined ? { file: null, row } : { file: rows.name, row: numberOf(rows, row) }
  }

  /** @param file  Numbers of the files, and of the rows. */
  placesOf(file: Float64Array, row: Float64Array): ManyPlaces {
    if (this.#files.length === 0) return { files: [null], file: new Uint16Array(file.length), row }
    const used = new Map<number, number>()
    const fileOf = new Uint16Array(file.length)
    const rowOf = new Float64Array(row.length)
    for (let n = 0; n < file.length; n++) {
      const number = file[n]!
      let place = used.get(number)
      if (place === undefined) used.set(number, (place = used.size))
      fileOf[n] = place
      rowOf[n] = numberOf(this.#files[number]!, row[n]!)
    }
    return {
      files: [...used.keys()].map((number) => this.#files[number]!.name),
      file: fileOf,
      row: rowOf,
    }
  }
}

function numberOf({ first, skipped }: FileRows, row: number): number {
  const read = row - first + 1
  let from = 0
  let to = skipped.length
  // How many of those that are skipped stand before as many rows.
  while (from < to) {
    const middle = (from + to) >>> 1
    if (skipped[middle]! - middle <= read) from = middle + 1
    else to = middle
  }
  return read + from
}
