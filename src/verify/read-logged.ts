/**
 * The events of the offline log, as batches of the journal that is gone.
 *
 * They are as their post-processor made them, so they are read like rows of a batch source, and
 * counted like events of the stream, under their arrival. Rows that a backfill has brought are not
 * among them.
 */
import { batchMemoryBytesMax } from '../base/batch-limits.ts'
import { columnsOf, rowWriter } from '../batch/numbered-chunk.ts'
import { EventWriter } from '../batch/event-writer.ts'
import { planRows } from '../batch/planned-rows.ts'
import { writtenRelation } from '../batch/relation.ts'
import type { Chunk } from '../duckdb/chunk.ts'
import { openDatabase, sqlName, type Database } from '../duckdb/database.ts'
import type { LogPart } from '../export/list-parts.ts'
import type { ReplayedBatch } from '../journal/replay.ts'
import type { Catalog, Source } from '../model/catalog.ts'
import { logColumns } from '../model/offline.ts'
import type { CountedBatch, LoggedPast } from './logged-past.ts'

/**
 * The events of the offline log, source by source, those of each in the order of the journal.
 *
 * @param producers  Filled with the names of producers, under numbers that the journal has not.
 */
export async function* readLogged(
  catalog: Catalog,
  { parts, journalStart, lostTo }: LoggedPast,
  producers: Map<number, string>,
): AsyncGenerator<CountedBatch, void> {
  const sources = catalog.sources.filter((_, place) => lostTo[place]! < journalStart)
  if (sources.length === 0) return
  const database = await openDatabase({ threads: 1, memoryBytesMax: batchMemoryBytesMax })
  try {
    const ids = new Map<string, number>()
    const idOf = (producer: string): number => {
      const id = ids.get(producer) ?? -1 - ids.size
      ids.set(producer, id)
      producers.set(id, producer)
      return id
    }
    for (const source of sources) {
      const from = lostTo[source.index]!
      for (const files of partsOf(source, parts, { from, to: journalStart })) {
        yield* readPart(database, { source, files, from, to: journalStart, idOf })
      }
    }
  } finally {
    await database.close()
  }
}

/** The files of a source in the order of the journal; those of one part, which are by day. */
function partsOf(
  { name }: Source,
  parts: readonly LogPart[],
  { from, to }: { readonly from: number; readonly to: number },
): Iterable<readonly string[]> {
  const byFrom = new Map<number, string[]>()
  const own = parts.filter((part) => part.source === name && part.to > from && part.from < to)
  for (const part of own.toSorted((a, b) => a.from - b.from)) {
    byFrom.set(part.from, [...(byFrom.get(part.from) ?? []), part.path])
  }
  return byFrom.values()
}

interface PartRead {
  readonly source: Source
  readonly files: readonly string[]
  /** Events of batches that end behind `from`, up to `to`. */
  readonly from: number
  readonly to: number
  readonly idOf: (producer: string) => number
}

async function* readPart(database: Database, read: PartRead): AsyncGenerator<CountedBatch, void> {
  const { source, files, from, to } = read
  const { relation, plans } = await planRows(
    database,
    writtenRelation(...files),
    source,
    source.fields,
  )
  const { position, sequence, epoch, arrival, producer } = logColumns
  const own = [position, sequence, epoch].map(sqlName)
  const columns = [
    ...plans.flatMap(({ sql }) => sql),
    ...own,
    `epoch_ms(${sqlName(arrival)})`,
    sqlName(producer),
  ]
  const [at, number] = own
  const sql = `SELECT ${columns.join(', ')} FROM ${relation.placed}
    WHERE ${at} > ${from} AND ${at} <= ${to} ORDER BY ${at}, ${number}`
  const batch = new GatheredBatch(source.index)
  for await (const chunk of database.stream(sql)) {
    const write = rowWriter(batch.writer, plans, chunk)
    const factsOf = factsReader(chunk, columnsOf(plans), read.idOf)
    for (let row = 0; row < chunk.count; row++) {
      const facts = factsOf(row)
      if (batch.isOfOther(facts)) yield batch.take()
      batch.begin(facts)
      write(row)
    }
  }
  if (!batch.isEmpty) yield batch.take()
}

type Facts = Pick<ReplayedBatch, 'position' | 'sequence' | 'epoch' | 'arrivalMs' | 'producer'>

/** What the log says of a row, in the columns behind those of the event. */
function factsReader(
  chunk: Chunk,
  first: number,
  idOf: (producer: string) => number,
): (row: number) => Facts {
  const [position, sequence, epoch, arrival, producer] = [0, 1, 2, 3, 4].map((n) =>
    chunk.column(first + n),
  )
  return (row) => ({
    position: Number(position!.get(row)),
    sequence: Number(sequence!.get(row)),
    epoch: Number(epoch!.get(row)),
    arrivalMs: Number(arrival!.get(row)),
    producer: idOf(String(producer!.get(row))),
  })
}

/** Events of one batch, one after the other. */
class GatheredBatch {
  readonly writer = new EventWriter()
  readonly #source: number
  #facts: Facts | null = null
  #sequences: number[] = []

  constructor(source: number) {
    this.#source = source
  }

  get isEmpty(): boolean {
    return this.#facts === null
  }

  isOfOther({ position }: Facts): boolean {
    return this.#facts !== null && this.#facts.position !== position
  }

  /** An event is going to be written. */
  begin(facts: Facts): void {
    if (this.#facts === null) {
      this.#facts = facts
      this.#sequences = []
      this.writer.reset()
    }
    this.#sequences.push(facts.sequence)
  }

  /** The batch, whose payload is gone when the next one begins. */
  take(): CountedBatch {
    const facts = this.#facts!
    this.#facts = null
    const sequences = this.#sequences
    return {
      kind: 'batch',
      ...facts,
      source: this.#source,
      sourceName: '',
      count: sequences.length,
      payload: this.writer.payload(),
      backfill: null,
      sequences,
    }
  }
}
