/**
 * The windows of a view, checked against its mode.
 */
import { formatDuration, parseDuration } from '../base/duration.ts'
import { sawtoothWindowMsMin, tilesPerWindowMax, windowMsMax } from '../base/limits.ts'
import type { WindowMode } from '../model/catalog.ts'
import { shown } from './names.ts'
import type { Problems } from './problems.ts'

/** How the windows of one view are kept. */
export interface WindowPlan {
  readonly mode: WindowMode
  /** Tile width of `interval` mode, ms; 0 for `sawtooth`, or when it could not be read. */
  readonly intervalMs: number
}

/** Mode and tile width of a view. */
export function resolveWindowPlan(
  view: { readonly mode: unknown; readonly aggregationInterval?: unknown },
  path: string,
  problems: Problems,
): WindowPlan {
  const { mode, aggregationInterval } = view
  if (mode !== 'sawtooth' && mode !== 'interval') {
    problems.add(`${path}.mode`, `${shown(mode)} is neither "sawtooth" nor "interval"`, view)
    return { mode: 'sawtooth', intervalMs: 0 }
  }
  const at = `${path}.aggregationInterval`
  if (mode === 'sawtooth') {
    if (aggregationInterval !== undefined) {
      problems.add(at, 'only mode "interval" has an aggregation interval', view)
    }
    return { mode, intervalMs: 0 }
  }
  if (aggregationInterval === undefined) {
    problems.add(at, 'mode "interval" needs one, such as "5m"', view)
    return { mode, intervalMs: 0 }
  }
  return { mode, intervalMs: resolveDuration(aggregationInterval, at, problems, view) }
}

/** Length of a feature's window, ms; 0 when it could not be read. */
export function resolveWindow(
  window: unknown,
  plan: WindowPlan,
  path: string,
  problems: Problems,
  ...sites: readonly unknown[]
): number {
  const windowMs = resolveDuration(window, path, problems, ...sites)
  if (windowMs === 0) return 0
  const reason = windowProblem(windowMs, plan)
  if (reason !== null) problems.add(path, `window ${shown(window)} ${reason}`, ...sites)
  return windowMs
}

function windowProblem(windowMs: number, { mode, intervalMs }: WindowPlan): string | null {
  if (windowMs > windowMsMax) return `is longer than ${formatDuration(windowMsMax)}`
  if (mode === 'sawtooth') {
    if (windowMs < sawtoothWindowMsMin) {
      return `is shorter than ${formatDuration(sawtoothWindowMsMin)}`
    }
    return windowMs % 1000 === 0 ? null : 'is not a whole number of seconds'
  }
  if (intervalMs === 0) return null
  const interval = formatDuration(intervalMs)
  if (windowMs % intervalMs !== 0)
    return `is not a multiple of the aggregation interval ${interval}`
  const tiles = windowMs / intervalMs
  return tiles > tilesPerWindowMax
    ? `has ${tiles} intervals of ${interval}, more than ${tilesPerWindowMax}`
    : null
}

function resolveDuration(
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
