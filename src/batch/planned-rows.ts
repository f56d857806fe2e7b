/**
 * Rows of a batch, with how each field of an event is made of them.
 */
import { MillraceError } from '../base/errors.ts'
import type { Source } from '../model/catalog.ts'
import type { Field } from '../model/types.ts'
import type { Database } from '../duckdb/database.ts'
import { keySql, planColumns, timeSql, type ColumnPlan } from './columns.ts'
import type { Relation } from './relation.ts'

export interface PlannedRows {
  readonly relation: Relation
  readonly plans: readonly ColumnPlan[]
  /** The event time of a row in ns, as SQL; null where nothing can be told of it. */
  readonly time: string
  /** What a join key is by, as SQL; null where the row has no such key. */
  readonly keyOf: (joinKey: Field) => string
}

/**
 * @param fields  Those of the source, or of what its post-processor takes.
 * @throws {@link MillraceError} `BATCH_COLUMNS` with every column that does not fit.
 */
export async function planRows(
  database: Database,
  relation: Relation,
  source: Source,
  fields: readonly Field[],
): Promise<PlannedRows> {
  const columns = await database.columnsOf(relation.detected)
  const { plans, problems } = planColumns(fields, columns, relation.form)
  if (problems.length > 0) {
    const where = relation.file === null ? '' : `${relation.file}: `
    const reason = `${where}${problems.join('; ')}`
    throw new MillraceError('BATCH_COLUMNS', { source: source.name, reason })
  }
  const timeField = fields.find(({ name }) => name === source.timestampField)
  const time = timeField === undefined ? 'NULL' : timeSql(timeField, columns, relation.form)
  const timed = fields.map(({ name }, n) =>
    name === source.timestampField ? withTime(plans[n]!, time) : plans[n]!,
  )
  return { relation, plans: timed, time, keyOf: (joinKey) => keySql(joinKey, relation.form) }
}

/**
 * Makes sure that an event is refused when its time cannot be told before it is read: it would be
 * in every range.
 */
function withTime({ sql, write, name }: ColumnPlan, time: string): ColumnPlan {
  return {
    name,
    sql: [...sql, time],
    write: (writer, cells, row) => {
      if (cells.at(-1)!.isNull(row) && !cells[0]!.isNull(row)) writer.text('no time')
      else write(writer, cells, row)
    },
  }
}
