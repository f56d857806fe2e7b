/**
 * The windows of a view, checked against its mode.
 */
import { formatDuration, parseDuration } from '../base/duration.ts'
import {
  intervalMsMax,
  sawtoothTilesMax,
  sawtoothWindowMsMin,
  tilesPerWindowMax,
  windowMsMax,
} from '../base/limits.ts'
import type { WindowMode } from '../model/catalog.ts'
import { sawtoothTileMs, sawtoothTilesMs } from '../model/tiles.ts'
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
  const intervalMs = resolveDuration(aggregationInterval, at, problems, view)
  if (intervalMs > intervalMsMax) {
    const reason =
      `${shown(aggregationInterval)} is longer than ${formatDuration(intervalMsMax)}, ` +
      'the longest that keeps events in order to the nanosecond'
    problems.add(at, reason, view)
  }
  return { mode, intervalMs }
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
  if (mode === 'sawtooth') return sawtoothProblem(windowMs)
  if (intervalMs === 0) return null
  const interval = formatDuration(intervalMs)
  if (windowMs % intervalMs !== 0)
    return `is not a multiple of the aggregation interval ${interval}`
  const tiles = windowMs / intervalMs
  return tiles > tilesPerWindowMax
    ? `has ${tiles} intervals of ${interval}, more than ${tilesPerWindowMax}`
    : null
}

function sawtoothProblem(windowMs: number): string | null {
  if (windowMs < sawtoothWindowMsMin)
    return `is shorter than ${formatDuration(sawtoothWindowMsMin)}`
  if (windowMs % 1000 !== 0) return 'is not a whole number of seconds'
  const widthMs = sawtoothTileMs(windowMs)
  const tiles = windowMs / widthMs
  if (tiles <= sawtoothTilesMax) return null
  const nearest = formatDuration(nearestSawtoothMs(windowMs))
  return (
    `has ${tiles} tiles of ${formatDuration(widthMs)}, more than ${sawtoothTilesMax}; ` +
    `the nearest that fits is "${nearest}"`
  )
}

/** The window next to one with too many tiles that the narrowest width possible divides. */
function nearestSawtoothMs(windowMs: number): number {
  const widthMs = sawtoothTilesMs.find((width) => windowMs / width <= sawtoothTilesMax)!
  return Math.round(windowMs / widthMs) * widthMs
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
