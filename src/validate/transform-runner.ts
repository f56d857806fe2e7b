/**
 * A view's transform, run on one event at a time: user code, so nothing it does may escape.
 *
 * In: the canonical values of an event. Out: rows in the view's columns, or a sentence that says
 * what went wrong. Rows are in canonical form, too: what the view's columns need is converted and
 * the rest is checked by the row schema. Thread: shard.
 */
import { Compile } from 'typebox/compile'
import { transformRowsMax } from '../base/limits.ts'
import { reasonOfThrown, runUserCode } from '../base/user-context.ts'
import type { Transform, View } from '../model/catalog.ts'
import { convertValue, pointer, type Problem } from '../model/convert.ts'
import { RowBatch } from '../model/rows.ts'
import type { Value } from '../model/types.ts'
import { appendRow, type RowPlace } from './append-row.ts'
import { schemaProblem } from './schema-problem.ts'
import { ownFields, promiseProblem, rowSentence } from './user-code.ts'

export interface TransformRunner {
  readonly view: View
  /** The rows of all events since the last `reset`. */
  readonly rows: RowBatch
  /**
   * Appends the rows of one event.
   *
   * @param values  The event; read-only, because other views have the same values.
   * @returns null, or why the event cannot count; rows may have been appended then.
   */
  run(values: Readonly<Record<string, Value>>, place: Readonly<RowPlace>): string | null
}

export function createTransformRunner(view: View, transform: Transform): TransformRunner {
  const rows = new RowBatch(view.columns)
  const schema = view.rowSchema === null ? null : Compile(view.rowSchema)

  function append(row: unknown, place: Readonly<RowPlace>): Problem | null {
    const own = ownFields(row)
    if ('code' in own) return own
    const problems: Problem[] = []
    const values = own.fields as Record<string, Value>
    for (const { name, type } of view.columns) {
      values[name] = convertValue(type, values[name], pointer('', name), problems, 'canonical')
    }
    if (problems.length > 0) return problems[0]!
    if (schema !== null && !schema.Check(values)) return schemaProblem(schema.Errors(values))
    appendRow(rows, place, values)
    return null
  }

  function run(values: Readonly<Record<string, Value>>, place: Readonly<RowPlace>): string | null {
    const result: unknown = transform(values)
    if (result === null) return null
    if (Array.isArray(result) && result.length > transformRowsMax) {
      return `it returned more than ${transformRowsMax} rows`
    }
    const promised = promiseProblem(result, 'transform')
    if (promised !== null) return promised
    if (!Array.isArray(result)) {
      const failed = append(result, place)
      return failed === null ? null : rowSentence(failed)
    }
    for (const [n, row] of result.entries()) {
      const failed = append(row, place)
      if (failed !== null) return rowSentence(failed, `row ${n}`)
    }
    return null
  }

  return {
    view,
    rows,
    run(values, place) {
      try {
        return runUserCode(run, values, place)
      } catch (thrown) {
        return reasonOfThrown(thrown)
      }
    },
  }
}
