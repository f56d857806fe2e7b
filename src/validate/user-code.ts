/**
 * What functions of a features file give back, looked at without trust.
 *
 * Transforms and post-processors are user code: they may return anything and throw anything. These
 * are the checks that both have in common, each as a sentence for whoever wrote the function.
 */
import { types } from 'node:util'
import { errorMessage } from '../base/errors.ts'
import { isWireMap, pointer, type Problem } from '../model/convert.ts'

/** Why a result with a promise in it is none; null when there is no promise, as deep as it goes. */
export function promiseProblem(result: unknown, what: string): string | null {
  const path = promiseIn(result, null)
  if (path === null) return null
  const where = path === '' ? '' : ` at ${path}`
  return `it returned a promise${where}, and a ${what} is a plain function`
}

/** The path of the first promise in a value, null for none; all of them may fail unheard then. */
function promiseIn(value: unknown, above: Set<unknown> | null): string | null {
  if (typeof value !== 'object' || value === null) return null
  if (types.isPromise(value)) {
    // Nobody waits for it, and what it comes to has been told.
    void Promise.prototype.then.call(value, undefined, () => {})
    return ''
  }
  let seen = above
  let found: string | null = null
  const look = (name: string | number, part: unknown): void => {
    if (typeof part !== 'object' || part === null) return
    seen ??= new Set<unknown>()
    seen.add(value)
    if (seen.has(part)) return
    const below = promiseIn(part, seen)
    if (below !== null) found ??= `${pointer('', String(name))}${below}`
  }
  if (Array.isArray(value)) for (let n = 0; n < value.length; n++) look(n, value[n])
  else if (value instanceof Map) for (const [name, part] of value) look(String(name), part)
  else if (isWireMap(value)) for (const name in value) look(name, value[name])
  return found
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
