/**
 * What functions of a features file give back, looked at without trust.
 *
 * Transforms and post-processors are user code: they may return anything and throw anything. These
 * are the checks that both have in common, each as a sentence for whoever wrote the function.
 */
import { errorMessage, reasonOf } from '../base/errors.ts'
import { isWireMap, type Problem } from '../model/convert.ts'

/** Why a promise is no result; null when `result` is none. */
export function promiseProblem(result: unknown, what: string): string | null {
  if (!(result instanceof Promise)) return null
  // Nobody waits for it: its failure must not end the thread.
  result.catch(() => {})
  return `it returned a promise, and a ${what} is a plain function`
}

/** The fields of a row that user code made, read once; or why it is no row. */
export function ownFields(row: unknown): { fields: Record<string, unknown> } | Problem {
  if (isWireMap(row)) {
    return { fields: Object.assign(Object.create(null), row) as Record<string, unknown> }
  }
  const actual = row === null ? 'null' : Array.isArray(row) ? 'array' : typeof row
  return { code: 'EVENT_FIELD_TYPE', path: '', details: { expected: 'a row or null', actual } }
}

/** What is wrong with a row, and where in it. */
export function rowSentence({ code, path, details }: Problem, row = 'row'): string {
  return `${row}${path}: ${errorMessage(code, details)}`
}

/** The reason of whatever user code threw, even if looking at it throws again. */
export function reasonOfThrown(thrown: unknown): string {
  try {
    return reasonOf(thrown)
  } catch {
    return 'an object without a message'
  }
}
