/**
 * The reads of the get-features family: vectors are read within their time, and written.
 *
 * A request may have a latency budget: what has not been read by its end is null, and its status
 * says so. At the limit of the server, a request fails.
 */
import type { Clock } from '../../base/clock.ts'
import { MillraceError } from '../../base/errors.ts'
import { servingMsMax } from '../../base/http-limits.ts'
import type { HttpReadOptions, ReadPort } from '../../model/contracts.ts'
import { systemAfter, within, type After } from '../deadline.ts'
import { createAnswerWriter, type Answer, type AnsweredRow, type AnswerWriter } from './answer.ts'
import { readerKey, readerRequest } from './keys.ts'
import { foundKeys } from './metadata.ts'
import type { PlatformMeter } from './meter.ts'
import type { Asked, AskedRow } from './request.ts'
import type { ServedService } from './services.ts'

export interface ReadsOptions {
  readonly read: ReadPort
  /** @throws MillraceError when features are not served any more. */
  readonly assertServing: () => void
  readonly clock: Clock
  readonly meter: Pick<PlatformMeter, 'readStore'>
  /** @defaultValue the timers of the process */
  readonly after?: After
}

/** Answers as JSON text. */
export interface Reads {
  single(service: ServedService, asked: Asked, row: AskedRow): Promise<string>
  batch(service: ServedService, asked: Asked, rows: readonly AskedRow[]): Promise<string>
  /** All that is known of a part of a key. */
  query(service: ServedService, asked: Asked, row: AskedRow): Promise<string>
}

export function createReads(options: ReadsOptions): Reads {
  const { read, assertServing } = options
  const writers = new WeakMap<ServedService, AnswerWriter>()
  const writerOf = (service: ServedService): AnswerWriter => {
    let writer = writers.get(service)
    if (writer === undefined) writers.set(service, (writer = createAnswerWriter(service)))
    return writer
  }

  const readRows = async (service: ServedService, asked: Asked, rows: readonly AskedRow[]) => {
    assertServing()
    const keys = rows.map(({ joinKeys }) =>
      readerKey(service.joinKeys, joinKeys, service.servingIndex),
    )
    const how = readOptions(service, asked, rows)
    const { table, seconds } = await timed(options, service, asked, () =>
      read.read(service.name, keys, how),
    )
    return answerOf(asked, table?.rows ?? keys.map(() => 'TIME_OUT'), seconds)
  }

  return {
    async single(service, asked, row) {
      return writerOf(service).single(await readRows(service, asked, [row]))
    },
    async batch(service, asked, rows) {
      return writerOf(service).batch(await readRows(service, asked, rows))
    },
    async query(service, asked, row) {
      assertServing()
      const given = service.joinKeys.filter(({ name }) => service.servingIndex?.includes(name))
      const key = readerKey(given, row.joinKeys)
      const writer = writerOf(service)
      if (Object.values(key).includes(null)) return writer.query(answerOf(asked, [], 0), [])
      const how = readOptions(service, asked, [row])
      const query = () => read.query(service.name, key, how)
      const { table, seconds } = await timed(options, service, asked, query)
      // Rows that nobody knows of have no features that could be told as late.
      if (table === null) throw new MillraceError('READ_TIMEOUT', { ms: asked.options.budgetMs! })
      const found = foundKeys(service).map((each) => service.joinKeys.indexOf(each))
      const keys = table.keys.map((values) => found.map((place) => values[place]!))
      return writer.query(answerOf(asked, table.rows, seconds), keys)
    },
  }
}

function readOptions(
  { requestFields }: ServedService,
  { options: { leadingEdge, watermarkNs } }: Asked,
  rows: readonly AskedRow[],
): HttpReadOptions {
  return {
    isJson: true,
    takesNullKeys: true,
    ...(watermarkNs === undefined ? {} : { watermarkNs }),
    ...(leadingEdge === undefined ? {} : { leadingEdge }),
    ...(requestFields.length === 0
      ? {}
      : { requestData: rows.map(({ context }) => readerRequest(requestFields, context)) }),
  }
}

/** Reads within the time of a request; null when its budget is over. */
async function timed<T>(
  { clock, meter, after = systemAfter }: ReadsOptions,
  { views, isComputed }: ServedService,
  { options: { budgetMs = servingMsMax } }: Asked,
  read: () => Promise<T>,
): Promise<{ readonly table: T | null; readonly seconds: number }> {
  const startMs = clock.monotonicMs()
  const table = await within(read(), Math.min(budgetMs, servingMsMax), after)
  const ms = clock.monotonicMs() - startMs
  // What is computed takes time of its own, which is none of the store's.
  if (!isComputed) meter.readStore(views, ms)
  if (table === null && budgetMs >= servingMsMax) {
    throw new MillraceError('READ_TIMEOUT', { ms: servingMsMax })
  }
  return { table, seconds: ms / 1000 }
}

function answerOf(
  { metadata, options: { coerceNullCountsToZero } }: Asked,
  rows: readonly AnsweredRow[],
  seconds: number,
): Answer {
  const times = { serverSeconds: seconds, storeSeconds: seconds }
  return { rows, metadata, coerceNullCountsToZero, ...times }
}
