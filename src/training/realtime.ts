/**
 * Realtime views in a training set: computed of the request data that a row of the spine has, and
 * of what the other views answer to it.
 *
 * In: the spine, and the files of all routes. Out: a file with the values of every realtime view by
 * the number of the row. The function is the user's, run here as a thread of realtime views runs
 * it; where it fails, its features are null, as a read has them, and it is counted.
 */
import { join } from 'node:path'
import { assert } from '../base/assert.ts'
import { errorMessage } from '../base/errors.ts'
import { columnsOf, rowWriter } from '../batch/numbered-chunk.ts'
import { planColumns, type ColumnPlan } from '../batch/columns.ts'
import { EventWriter } from '../batch/event-writer.ts'
import type { Chunk } from '../duckdb/chunk.ts'
import { sqlName, sqlText, type Database } from '../duckdb/database.ts'
import type { Catalog } from '../model/catalog.ts'
import { convertValue, type Problem } from '../model/convert.ts'
import { createDecoder, eventMsgpackLimits, MsgpackTimestamp } from '../model/msgpack.ts'
import type { DataType, Field, Value } from '../model/types.ts'
import { createRealtimeComputer } from '../realtime/task.ts'
import type { Readable } from '../serve/services.ts'
import { partColumn, realtimeColumn } from './asked-routes.ts'
import type { RealtimeFacts } from './manifest.ts'
import { rowField } from './pass.ts'
import { spineInvalid, spineRow, type Spine } from './spine.ts'

export interface RealtimeOptions {
  readonly catalog: Catalog
  readonly service: Readable
  readonly database: Database
  readonly spine: Spine
  /** Name of the spine, for what is wrong with it. */
  readonly file: string
  /** What stands behind `s`, the spine: the files of all routes. */
  readonly joins: readonly string[]
}

/** The columns of a spine that are request data, as {@link requestPlans} finds them. */
export type RequestPlans = readonly ColumnPlan[]

const decoder = createDecoder(eventMsgpackLimits)

/**
 * Finds the request data of a service in its spine.
 *
 * @throws {@link MillraceError} `SPINE_INVALID` with every column that is missing or does not fit.
 */
export async function requestPlans(
  database: Database,
  { requestFields }: Readable,
  { asked }: Spine,
  file: string,
): Promise<RequestPlans> {
  const columns = await database.columnsOf(`SELECT * FROM ${asked}`)
  const { plans, problems } = planColumns(requestFields, columns, 'typed')
  if (problems.length > 0) throw spineInvalid(file, problems.join('; '))
  return plans
}

/** @throws {@link MillraceError} `SPINE_INVALID` for a row whose request data cannot be. */
export async function computeRealtime(
  options: RealtimeOptions,
  plans: RequestPlans,
): Promise<{ readonly outFile: string; readonly facts: readonly RealtimeFacts[] }> {
  const { catalog, service, database, spine, joins } = options
  const fields = service.realtime.flatMap(({ view }, n) =>
    view.features.map(({ type }, place): Field => {
      return { name: realtimeColumn(n, place), type: { ...type, nullable: true } }
    }),
  )
  const table = await database.createTable('realtime', [rowField, ...fields])
  const compute = createRealtimeComputer(catalog)
  const facts = service.realtime.map(({ view }) => {
    return { view: view.name, failed: 0, failure: null as string | null }
  })
  const inputs = service.realtime.map(({ view, inputs, requestPlaces }) => {
    return { index: view.index, features: view.features, inputs, requestPlaces }
  })
  const parts = partFields(service)
  const asked = [
    ...plans.flatMap(({ sql }) => sql),
    `s.${spineRow}`,
    ...parts.map(({ name }) => sqlName(name)),
  ]
  const rows = new RequestRows(options, plans)
  const sql = `SELECT ${asked.join(', ')} FROM ${spine.asked} AS s ${joins.join(' ')}`
  for await (const chunk of database.stream(`${sql} ORDER BY s.${spineRow}`)) {
    for (const { row, request, answers } of rows.of(chunk, parts)) {
      const values: Value[] = [row]
      for (const [n, { index, features, inputs: own, requestPlaces }] of inputs.entries()) {
        const given = requestPlaces.map((place) => request[place]!)
        for (const { part, place } of own) given.push(answers.get(partColumn(part, place))!)
        const [outcome] = compute(index, [given])
        if ('values' in outcome!) values.push(...outcome.values)
        else {
          values.push(...features.map(() => null))
          facts[n]!.failed += 1
          facts[n]!.failure ??= outcome!.failure
        }
      }
      table.append(values)
    }
  }
  table.close()
  const outFile = join(database.tempDir, 'realtime.parquet')
  await database.run(`COPY realtime TO ${sqlText(outFile)} (FORMAT parquet)`)
  return { outFile, facts }
}

/** What the views of a service answer, column by column. */
function partFields({ parts }: Readable): readonly Field[] {
  return parts.flatMap(({ view, features }, part) =>
    features.map((feature, place): Field => {
      const { type } = view.features[feature]!
      return { name: partColumn(part, place), type: { ...type, nullable: true } }
    }),
  )
}

interface RequestRow {
  readonly row: bigint
  readonly request: readonly Value[]
  /** By name of the column. */
  readonly answers: ReadonlyMap<string, Value>
}

/** Reads rows as a read has them: request data from the wire, answers as they were. */
class RequestRows {
  readonly #options: RealtimeOptions
  readonly #plans: RequestPlans
  readonly #writer = new EventWriter()

  constructor(options: RealtimeOptions, plans: RequestPlans) {
    this.#options = options
    this.#plans = plans
  }

  *of(chunk: Chunk, parts: readonly Field[]): Generator<RequestRow> {
    const writer = this.#writer
    const write = rowWriter(writer, this.#plans, chunk)
    const first = columnsOf(this.#plans)
    const rows = chunk.column(first)
    const cells = parts.map((_, n) => chunk.column(first + 1 + n))
    for (let n = 0; n < chunk.count; n++) {
      const row = rows.get(n) as bigint
      writer.reset()
      const start = write(n)
      const given = decoder.decode(writer.payload(), start) as Readonly<Record<string, unknown>>
      const answers = parts.map(({ name, type }, place): [string, Value] => [
        name,
        answerOf(type, cells[place]!.get(n)),
      ])
      yield { row, request: this.#requestOf(given, row), answers: new Map(answers) }
    }
  }

  #requestOf(given: Readonly<Record<string, unknown>>, row: bigint): readonly Value[] {
    const { service, file } = this.#options
    return service.requestFields.map(({ name, type }) => {
      const problems: Problem[] = []
      const value = convertValue(type, given[name], '', problems, 'request')
      const [problem] = problems
      if (problem === undefined) return value
      const why = errorMessage(problem.code, problem.details)
      throw spineInvalid(file, `${sqlName(name)} of row ${row + 1n}: ${why}`)
    })
  }
}

/** An answer as it was before it was written to a file. */
function answerOf(type: DataType, written: unknown): Value {
  const problems: Problem[] = []
  const value = convertValue(type, withNanoseconds(written), '', problems, 'canonical')
  assert(problems.length === 0, 'what was written of a type is of that type')
  return value
}

function withNanoseconds(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof MsgpackTimestamp) return value.ns
  if (Array.isArray(value)) return value.map(withNanoseconds)
  if (value instanceof Map)
    return new Map([...value].map(([key, each]) => [key, withNanoseconds(each)]))
  const fields = Object.entries(value).map(([name, each]) => [name, withNanoseconds(each)] as const)
  return Object.fromEntries(fields)
}
