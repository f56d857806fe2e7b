/**
 * A duration of a features file, checked.
 */
import { parseDuration } from '../base/duration.ts'
import { shown } from './names.ts'
import type { Problems } from './problems.ts'

/** Milliseconds of a duration; 0 when it cannot be read, which is then among the problems. */
export function resolveDuration(
  text: unknown,
  path: string,
  problems: Problems,
  ...sites: readonly unknown[]
): number {
  if (typeof text !== 'string') {
    problems.add(path, `${shown(text)} is not a duration such as "1h"`, ...sites)
    return 0
  }
  try {
    return parseDuration(text, path)
  } catch (error) {
    problems.caught(error, path, ...sites)
    return 0
  }
}
