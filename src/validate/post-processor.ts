/**
 * A source's post-processor, run on one raw event at a time: user code, so nothing it does may
 * escape.
 *
 * In: the canonical values of a raw event. Out: the values of the source's fields and the event
 * time, null for an event that is left out, or a problem. The row is in canonical form, checked and
 * converted like a transform's; what it has beyond the fields is dropped. Thread: any.
 */
import { Compile } from 'typebox/compile'
import { errorMessage } from '../base/errors.ts'
import { reasonOfThrown, runUserCode } from '../base/user-context.ts'
import type { Source, SourceInput } from '../model/catalog.ts'
import { convertValue, pointer, type Problem } from '../model/convert.ts'
import type { Value } from '../model/types.ts'
import { withTime, type DecodedEvent, type DecodedValues } from './decoder.ts'
import { makeReadOnly } from './read-only.ts'
import { schemaProblem } from './schema-problem.ts'
import { ownFields, promiseProblem, rowSentence } from './user-code.ts'

/** Makes the event of a raw event, whose values are read-only then; null: it is left out. */
export type PostProcess = (raw: DecodedValues['values']) => DecodedEvent | Problem | null

/** @param joinKeys  Fields that must come out as they went in: the event was routed by them. */
export function createPostProcess(
  source: Source,
  { postProcessor }: SourceInput,
  joinKeys: readonly string[],
): PostProcess {
  const { name, fields, timestampField } = source
  const validator = Compile(source.schema)
  const timePath = pointer('', timestampField)

  function failed(reason: string): Problem {
    return { code: 'POST_PROCESSOR_FAILED', path: '', details: { source: name, reason } }
  }

  function rowProblem(problem: Problem): Problem {
    if (problem.path !== timePath) return failed(rowSentence(problem))
    const what = problem.details['reason'] ?? errorMessage(problem.code, problem.details)
    const reason = `in the row of the post-processor of "${name}": ${what}`
    return { code: 'EVENT_TIME', path: timePath, details: { reason } }
  }

  function checked(row: unknown, raw: DecodedValues['values']): DecodedEvent | Problem {
    const own = ownFields(row)
    if ('code' in own) return failed(rowSentence(own))
    const problems: Problem[] = []
    const values = Object.create(null) as Record<string, Value>
    for (const field of fields) {
      const path = pointer('', field.name)
      values[field.name] = convertValue(
        field.type,
        own.fields[field.name],
        path,
        problems,
        'canonical',
      )
    }
    if (problems.length > 0) return rowProblem(problems[0]!)
    if (!validator.Check(values)) return rowProblem(schemaProblem(validator.Errors(values)))
    const changed = joinKeys.find((key) => values[key] !== raw[key])
    if (changed !== undefined) {
      const reason = `the post-processor of "${name}" has changed it`
      return { code: 'EVENT_KEY', path: pointer('', changed), details: { reason } }
    }
    return withTime(values, timestampField)
  }

  function process(raw: DecodedValues['values']): DecodedEvent | Problem | null {
    const result: unknown = postProcessor(raw)
    if (result === null) return null
    const promised = promiseProblem(result, 'post-processor')
    return promised === null ? checked(result, raw) : failed(promised)
  }

  return (raw) => {
    makeReadOnly(raw)
    try {
      return runUserCode(process, raw)
    } catch (thrown) {
      return failed(reasonOfThrown(thrown))
    }
  }
}
