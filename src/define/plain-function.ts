/**
 * The functions of a features file: post-processors and transforms.
 */
import { shown } from './names.ts'

/**
 * Why a value cannot be called for rows; null when it can.
 *
 * @param rows  What it returns, for the message.
 */
export function plainFunctionProblem(value: unknown, rows: string): string | null {
  if (typeof value !== 'function') return `${shown(value)} is not a function`
  // Async functions and generators name themselves; what only returns a promise is found later.
  if (Object.prototype.toString.call(value) === '[object Function]') return null
  return `it must be a plain function, which returns ${rows} or null and no promise`
}
