/**
 * Values of our types → rows of a table of DuckDB, a chunk at a time.
 */
import type * as Duckdb from '@duckdb/node-api'
import type { DuckDBAppender, DuckDBDataChunk, DuckDBType, DuckDBValue } from '@duckdb/node-api'
import type { DataType, Field, Value } from '../model/types.ts'

type Module = typeof Duckdb

/** Rows that DuckDB takes at a time. */
const chunkRows = 2048

type Convert = (value: Value) => DuckDBValue

export class TableWriter {
  readonly #appender: DuckDBAppender
  readonly #chunk: DuckDBDataChunk
  readonly #columns: readonly DuckDBValue[][]
  readonly #converts: readonly Convert[]
  #rows = 0

  constructor(duckdb: Module, appender: DuckDBAppender, fields: readonly Field[]) {
    this.#appender = appender
    const types = fields.map(({ type }) => vectorType(duckdb, type))
    this.#chunk = duckdb.DuckDBDataChunk.create(types, chunkRows)
    this.#columns = fields.map(() => [])
    this.#converts = fields.map(
      ({ type }) =>
        (value) =>
          duckValue(duckdb, type, value),
    )
  }

  /** Appends a row; `values[n]` is of field `n`. */
  append(values: readonly Value[]): void {
    const converts = this.#converts
    for (let n = 0; n < converts.length; n++) {
      this.#columns[n]![this.#rows] = converts[n]!(values[n]!)
    }
    this.#rows += 1
    if (this.#rows === chunkRows) this.#flush()
  }

  /** Writes what is left; there is nothing to be appended afterwards. */
  close(): void {
    if (this.#rows > 0) this.#flush()
    this.#appender.closeSync()
  }

  #flush(): void {
    const rows = this.#rows
    this.#chunk.reset()
    this.#chunk.rowCount = rows
    for (const [n, column] of this.#columns.entries()) {
      column.length = rows
      this.#chunk.setColumnValues(n, column)
    }
    this.#appender.appendDataChunk(this.#chunk)
    this.#rows = 0
  }
}

function vectorType(duckdb: Module, type: DataType): DuckDBType {
  switch (type.kind) {
    case 'Int64':
      return duckdb.BIGINT
    case 'Int32':
      return duckdb.INTEGER
    case 'Float64':
      return duckdb.DOUBLE
    case 'Float32':
      return duckdb.FLOAT
    case 'String':
      return duckdb.VARCHAR
    case 'Bool':
      return duckdb.BOOLEAN
    case 'Timestamp':
      return duckdb.TIMESTAMP_NS
    case 'Array':
      return duckdb.LIST(vectorType(duckdb, type.element))
    case 'Struct': {
      const fields = type.fields.map((field) => [field.name, vectorType(duckdb, field.type)])
      return duckdb.STRUCT(Object.fromEntries(fields) as Record<string, DuckDBType>)
    }
    case 'Map':
      return duckdb.MAP(duckdb.VARCHAR, vectorType(duckdb, type.value))
  }
}

function duckValue(duckdb: Module, type: DataType, value: Value): DuckDBValue {
  if (value === null) return null
  switch (type.kind) {
    case 'Int64':
    case 'Int32':
    case 'Float64':
    case 'Float32':
    case 'String':
    case 'Bool':
      return value as DuckDBValue
    case 'Timestamp':
      return new duckdb.DuckDBTimestampNanosecondsValue(value as bigint)
    case 'Array': {
      const values = value as readonly Value[]
      return new duckdb.DuckDBListValue(values.map((each) => duckValue(duckdb, type.element, each)))
    }
    case 'Struct': {
      const struct = value as Readonly<Record<string, Value>>
      const entries = type.fields.map((field) => [
        field.name,
        duckValue(duckdb, field.type, struct[field.name] ?? null),
      ])
      return new duckdb.DuckDBStructValue(
        Object.fromEntries(entries) as Record<string, DuckDBValue>,
      )
    }
    case 'Map': {
      const map = value as ReadonlyMap<string, Value>
      const entries = [...map].map(([key, each]) => ({
        key,
        value: duckValue(duckdb, type.value, each),
      }))
      return new duckdb.DuckDBMapValue(entries)
    }
  }
}
