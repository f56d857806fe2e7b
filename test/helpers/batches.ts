/**
 * Batch sources of tests, and what is read of them.
 */
import assert from 'node:assert/strict'
import { BatchReader, type ReadOptions, type RejectedRow } from '../../src/batch/reader.ts'
import { eachEvent } from '../../src/batch/event-writer.ts'
import type { BatchSource } from '../../src/define/batch.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { pushSource } from '../../src/define/source.ts'
import { t, type Fields } from '../../src/define/types.ts'
import { openDatabase } from '../../src/duckdb/database.ts'
import { isProblem } from '../../src/validate/decoder.ts'
import { createEventReader } from '../../src/validate/event-reader.ts'

export const at = Date.parse('2024-05-01T12:00:00Z')
export const noonNs = BigInt(at) * 1_000_000n
/** Fields of orders: those of a source unless a test says others. */
export const orderFields = {
  user_id: t.String(),
  at: t.Timestamp(),
  amount: t.nullable(t.Float64()),
  shop: t.Int64(),
}
const all: ReadOptions = { fromNs: null, toNs: null, isOrdered: false }

export interface ReadRows {
  /** Values of the events, or `code path` of what is wrong with them, and where each is. */
  readonly rows: readonly unknown[]
  readonly places: readonly string[]
}

/** The rows of a batch source, and behind them those that are none. */
export async function readBatch(
  batch: BatchSource,
  fields: Fields = orderFields,
  options: ReadOptions = all,
): Promise<ReadRows> {
  const catalog = buildCatalog([
    pushSource({ name: 'orders', schema: fields, timestampField: 'at', batch } as never),
  ])
  const source = catalog.sources[0]!
  const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
  try {
    const reader = await BatchReader.open(database, source, source.batch!)
    return await decoded(reader, options, createEventReader(catalog, source))
  } finally {
    await database.close()
  }
}

async function decoded(
  reader: BatchReader,
  options: ReadOptions,
  read: ReturnType<typeof createEventReader>,
): Promise<ReadRows> {
  const rows: unknown[] = []
  const places: string[] = []
  const refuse = ({ code, path, place }: RejectedRow): void => {
    rows.push(`${code} ${path}`)
    places.push(`${place.file?.split('/').at(-1)}:${place.row}`)
  }
  for await (const chunk of reader.read(options)) {
    const { payload, rejected } = chunk
    const spans: [number, number, number][] = []
    eachEvent(payload, (...span) => spans.push(span))
    assert.equal(spans.length, chunk.count)
    for (const [start, end, index] of spans) {
      const event = read(payload, start, end)
      assert.ok(event !== null)
      rows.push(isProblem(event) ? `${event.code} ${event.path}` : { ...event.values })
      const { file, row } = chunk.placeOf(index)
      places.push(`${file?.split('/').at(-1)}:${row}`)
    }
    for (const each of rejected) refuse(each)
  }
  for (const each of reader.broken) refuse(each)
  return { rows, places }
}

/** Runs SQL, to make files. */
export async function madeBySql(...statements: readonly string[]): Promise<void> {
  const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
  for (const statement of statements) await database.run(statement)
  await database.close()
}
