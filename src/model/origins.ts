/**
 * Where the rows of a batch of a backfill came from: the file of each, and its place there.
 *
 * They travel as bytes with the batch, from the thread that reads the batch source through the
 * journal, and are looked at only for a row that is not counted: its entry in the ledger names its
 * place. A row that is none, such as a broken line of a CSV file, is a batch's event all the same,
 * one that no schema takes; what is wrong with it stands here.
 *
 * Msgpack: `{files: [name or nil], file: u16 of each row, row: f64 of each row, refused: [[place,
 * code, path, message]]}`, numbers little-endian in a `bin`.
 */
import { createDecoder, createEncoder } from './msgpack.ts'

/** A row of a batch source. */
export interface Origin {
  /** Null for the rows of a query. */
  readonly file: string | null
  /** Number of the row in the file, or in the answer of the query, from 1. */
  readonly row: number
}

/** A row that is none. */
export interface RefusedRow {
  /** Place in the batch. */
  readonly place: number
  readonly code: string
  readonly path: string
  readonly message: string
}

export interface Origins {
  /** Names of files. */
  readonly files: readonly (string | null)[]
  /** Of each row, its place in `files`, and its number. */
  readonly file: Uint16Array
  readonly row: Float64Array
  /** By place, ascending. */
  readonly refused: readonly RefusedRow[]
}

const encoder = createEncoder()
const decoder = createDecoder({ bytesMax: 2 ** 28, nodesMax: 2 ** 20, depthMax: 4 })

export function encodeOrigins({ files, file, row, refused }: Origins): Uint8Array {
  return encoder.encode({
    files,
    file: bytesOf(file),
    row: bytesOf(row),
    refused: refused.map(({ place, code, path, message }) => [place, code, path, message]),
  })
}

/** Where the event at a place of the batch came from, and why it is none; null if it is one. */
export function originOf(
  origins: Uint8Array,
  place: number,
): Origin & { readonly refused: RefusedRow | null } {
  const stored = decoder.decode(origins) as {
    readonly files: readonly (string | null)[]
    readonly file: Uint8Array
    readonly row: Uint8Array
    readonly refused: readonly (readonly [number, string, string, string])[]
  }
  const [file, row] = [stored.file, stored.row].map(bufferOf) as [Buffer, Buffer]
  const refused = stored.refused.find(([each]) => each === place)
  return {
    file: stored.files[file.readUInt16LE(place * 2)]!,
    row: row.readDoubleLE(place * 8),
    refused:
      refused === undefined
        ? null
        : { place, code: refused[1], path: refused[2], message: refused[3] },
  }
}

/** As a person reads it. */
export function originText({ file, row }: Origin): string {
  return file === null ? `row ${row}` : `${file}, row ${row}`
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint16Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
