/**
 * The second oracle: feature values by SQL, with the aggregate functions of a database that nobody
 * here has written.
 *
 * Events and features of many stories are loaded as rows. Where each window begins and ends, which
 * events are in it, and what the functions say of their values is SQL; what is done here is to put
 * the answers in the form that the value of a feature has. It shares no code with the engine or
 * with the other oracle.
 */
import { isDeepStrictEqual } from 'node:util'
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api'
import { functionLabel } from '../../src/model/aggregate-function.ts'
import type { Value } from '../../src/model/types.ts'
import type { OracleEvent, OracleView } from './oracle.ts'
import { sqlOf, type SqlKind, type SqlValue } from './sql-functions.ts'

export interface SqlStory {
  readonly view: OracleView
  /** In the order of arrival. */
  readonly events: readonly OracleEvent[]
  readonly edgeNs: bigint
}

/** What SQL says of a feature: a value, and how far the true one may be from it; or a list. */
export type Said = { readonly value: Value; readonly error: number } | null | readonly Said[]

export interface SqlOracle {
  /** For each story, the values of its features by key; a key without events in any is missing. */
  answer(stories: readonly SqlStory[]): Promise<Map<string, Said[]>[]>
  close(): void
}

/** Null where DuckDB cannot be loaded. */
export async function openSqlOracle(): Promise<SqlOracle | null> {
  // It has a binary for each platform, and the one for this may be missing.
  const duckdb = await import('@duckdb/node-api').catch(() => null)
  if (duckdb === null) return null
  const instance = await duckdb.DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  await connection.run(schema)
  return {
    answer: (stories) => answer(connection, stories),
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

/** Times are in ns. */
const schema = `
  CREATE TABLE row (story INTEGER, is_last_only BOOLEAN, arrival INTEGER, event INTEGER,
    key VARCHAR, time BIGINT,
    whole BIGINT, small INTEGER, amount DOUBLE, place VARCHAR, tag VARCHAR);

  -- Where the last write wins, only the rows of the last event of a moment are there.
  CREATE VIEW event AS
    SELECT * EXCLUDE (is_last_only, event) FROM row
      QUALIFY NOT is_last_only
        OR event = last_value(event) OVER (PARTITION BY story, key, time ORDER BY arrival
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING);

  CREATE TABLE feature (story INTEGER, feature INTEGER, of_column VARCHAR, name VARCHAR,
    is_apart BOOLEAN, edge BIGINT, mode VARCHAR, step_width BIGINT, kind VARCHAR,
    start BIGINT, size BIGINT, ends_ago BIGINT, from_ago BIGINT, to_ago BIGINT, step BIGINT);

  CREATE TABLE ladder AS
    SELECT unnest([1, 5, 30, 60, 300, 1800, 3600, 21600, 86400]) * 1000000000::BIGINT AS width;

  -- A series is several windows, from the earliest on.
  CREATE VIEW part AS
    SELECT *, 0 AS part, ends_ago AS ago FROM feature WHERE kind = 'time'
    UNION ALL
    SELECT *, unnest(range((from_ago - to_ago - size) // step + 1)) AS part,
           from_ago - size - part * step AS ago
      FROM feature WHERE kind = 'series';

  CREATE VIEW tiled AS
    SELECT *, edge - ago AS t,
           CASE mode WHEN 'interval' THEN step_width
                     ELSE (SELECT max(width) FROM ladder WHERE width * 10 <= size) END AS width
      FROM part;

  -- A window holds the events from opens on and before closes.
  CREATE VIEW bounds AS
    SELECT story, feature, of_column, name, is_apart, part,
           CASE mode WHEN 'sawtooth' THEN (t - size) // width * width
                     WHEN 'interval' THEN t // width * width - size
                     ELSE t - size + 1 END AS opens,
           CASE WHEN mode = 'continuous' OR (mode = 'sawtooth' AND ago = 0) THEN t + 1
                ELSE t // width * width END AS closes
      FROM tiled
    UNION ALL
    SELECT story, feature, of_column, name, is_apart, 0, start, edge + 1
      FROM feature WHERE kind NOT IN ('time', 'series');

  CREATE VIEW seen AS
    SELECT feature, of_column, name, part, CASE WHEN is_apart THEN tag END AS apart, event.*
      FROM bounds JOIN event ON event.story = bounds.story
       AND event.time >= bounds.opens AND event.time < bounds.closes;

  -- Events of one number are of one value.
  CREATE VIEW numbered AS
    SELECT *, dense_rank() OVER (ORDER BY story, feature, part, key, apart) AS number FROM seen;`

async function answer(
  connection: DuckDBConnection,
  stories: readonly SqlStory[],
): Promise<Map<string, Said[]>[]> {
  await connection.run('DELETE FROM row; DELETE FROM feature')
  const rows = await connection.createAppender('row')
  const features = await connection.createAppender('feature')
  const questions: Questions = new Map()
  stories.forEach((story, place) => {
    appendRows(rows, place, story)
    story.view.features.forEach((_, feature) => {
      const { column } = story.view.features[feature]!
      const [name, sql] = functionOf(story.view, feature)
      const functions = questions.get(column) ?? new Map<string, SqlValue>()
      questions.set(column, functions.set(name, sql))
      appendFeature(features, [place, feature, name], story)
    })
  })
  rows.closeSync()
  features.closeSync()
  await connection.run('CREATE OR REPLACE TABLE found AS SELECT * FROM numbered')
  const answers = stories.map(() => new Map<string, Said[]>())
  for (const [column, functions] of questions) {
    const names = [...functions.keys()]
    const result = await connection.runAndReadAll(queryOf(column, functions))
    for (const row of result.getRowsJS() as unknown as AnswerRow[]) {
      const [story, feature, part, key, apart, name, ...values] = row
      const [value, error] = values.slice(2 * names.indexOf(name))
      const said = value === null ? null : { value: value!, error: Number(error) }
      const place = { feature, key, part: Number(part), isApart: apart !== null }
      enter(answers[story]!, stories[story]!.view, place, said)
    }
  }
  return answers
}

function appendRows(appender: DuckDBAppender, place: number, { view, events }: SqlStory): void {
  const numbers = new Map<unknown, number>()
  events.forEach(({ key, timeNs, row, event = row }, arrival) => {
    const number = numbers.get(event) ?? numbers.size
    numbers.set(event, number)
    appender.appendInteger(place)
    appender.appendBoolean(view.lastWriteWins === true)
    appender.appendInteger(arrival)
    appender.appendInteger(number)
    appender.appendVarchar(key)
    appender.appendBigInt(timeNs)
    for (const column of ['whole', 'small', 'amount', 'place', 'tag']) {
      const value = row[column] ?? null
      if (value === null) appender.appendNull()
      else if (typeof value === 'bigint') appender.appendBigInt(value)
      else if (typeof value === 'string') appender.appendVarchar(value)
      else if (column === 'small') appender.appendInteger(value as number)
      else appender.appendDouble(value as number)
    }
    appender.endRow()
  })
}

function appendFeature(
  appender: DuckDBAppender,
  [place, feature, name]: readonly [number, number, string],
  { view, edgeNs }: SqlStory,
): void {
  const asked = view.features[feature]!
  // The latest row is the last of all that are served.
  const window = asked.kind === 'attribute' ? null : asked.window
  const { ttlMs = Infinity } = view
  const servedFromNs = Number.isFinite(ttlMs) ? edgeNs - nsOf(ttlMs) + 1n : -(2n ** 63n)
  const startNs = window?.kind === 'lifetime' ? nsOf(window.startMs) : servedFromNs
  const { sizeMs = 0, offsetMs = 0, fromMs = 0, toMs = 0, stepMs = 0 } = (window ?? {}) as Lengths
  appender.appendInteger(place)
  appender.appendInteger(feature)
  appender.appendVarchar(asked.column)
  appender.appendVarchar(name)
  appender.appendBoolean(typeof view.secondaryKey === 'string' && asked.kind === 'aggregate')
  appender.appendBigInt(edgeNs)
  appender.appendVarchar(view.mode)
  appender.appendBigInt(nsOf(view.intervalMs))
  appender.appendVarchar(window?.kind ?? 'all')
  appender.appendBigInt(startNs)
  for (const ms of [sizeMs, offsetMs, fromMs, toMs, stepMs]) appender.appendBigInt(nsOf(ms))
  appender.endRow()
}

type Lengths = Partial<Record<'sizeMs' | 'offsetMs' | 'fromMs' | 'toMs' | 'stepMs', number>>

const nsOf = (ms: number): bigint => BigInt(ms) * 1_000_000n

/** What is asked of each column: by the name of the function. */
type Questions = Map<string, Map<string, SqlValue>>

/** All questions about a column, in one query: a row for each part, with all answers. */
function queryOf(column: string, functions: ReadonlyMap<string, SqlValue>): string {
  const part = 'story, feature, part, key, apart'
  const answers = [...functions.values()].map(({ value, error }) => `${value}, ${error}`)
  return `
    WITH spot AS (
      SELECT number, ${part}, name, time, arrival, ${column} AS x,
             min(x) OVER (PARTITION BY number) AS low,
             max(x) OVER (PARTITION BY number) AS high,
             row_number() OVER (PARTITION BY number, x ORDER BY time, arrival) AS nth,
             row_number() OVER (PARTITION BY number, x ORDER BY time DESC, arrival DESC)
               AS nth_last
        FROM found WHERE of_column = '${column}')
    SELECT ${part}, any_value(name), ${answers.join(',\n           ')}
      FROM spot GROUP BY number, ${part} ORDER BY number`
}

function functionOf({ features, columns }: OracleView, feature: number): [string, SqlValue] {
  const asked = features[feature]!
  switch (asked.kind) {
    case 'aggregate': {
      const { type } = columns.find(({ name }) => name === asked.column)!
      return [functionLabel(asked.fn), sqlOf(asked.fn, type.kind as SqlKind)]
    }
    case 'attribute':
      return ['latest', { value: 'arg_max_null(x, (time, arrival))', error: '0' }]
    case 'secondary-keys':
      return ['keys', { value: 'list(DISTINCT x ORDER BY x)', error: '0' }]
  }
}

/** Story, feature, part, key, value of the secondary key, name of the function; its answers. */
type AnswerRow = readonly [number, number, bigint, string, string | null, string, ...Value[]]

interface Place {
  readonly feature: number
  readonly key: string
  readonly part: number
  readonly isApart: boolean
}

/** Puts an answer in its place; they come in the order of the values of the secondary key. */
function enter(
  byKey: Map<string, Said[]>,
  { features }: OracleView,
  { feature, key, part, isApart }: Place,
  said: Said,
): void {
  const values = byKey.get(key) ?? Array<Said>(features.length).fill(null)
  byKey.set(key, values)
  const asked = features[feature]!
  if (asked.kind === 'aggregate' && asked.window.kind === 'series') {
    const { sizeMs, fromMs, toMs, stepMs } = asked.window
    const count = (fromMs - toMs - sizeMs) / stepMs + 1
    const parts = (values[feature] ?? Array<Said>(count).fill(null)) as readonly Said[]
    values[feature] = parts.with(part, said)
  } else if (isApart) values[feature] = [...((values[feature] ?? []) as readonly Said[]), said]
  else values[feature] = said
}

/** Whether a value is what SQL says; undefined is a value beyond the range of its type. */
export function agrees(value: Value | undefined, said: Said): boolean {
  if (value === undefined) return mayBeBeyond(said)
  if (said === null || value === null) return said === value
  if ('error' in said) {
    if (said.error === 0) return isDeepStrictEqual(value, said.value)
    const distance = Math.abs((value as number) - (said.value as number))
    return distance < Infinity && distance <= said.error
  }
  const list = value as readonly Value[]
  return list.length === said.length && said.every((each, n) => agrees(list[n]!, each))
}

/** Of a list, whether that may be so of any of its values. */
function mayBeBeyond(said: Said): boolean {
  if (said === null) return false
  if (!('error' in said)) return said.some(mayBeBeyond)
  const { value, error } = said
  return typeof value === 'bigint'
    ? value !== BigInt.asIntN(64, value)
    : typeof value === 'number' && Math.abs(value) + error >= Number.MAX_VALUE
}
