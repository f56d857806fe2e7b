/**
 * The windows of a view, checked against how it keeps them.
 */
import { formatDuration } from '../base/duration.ts'
import {
  continuousWindowMsMin,
  intervalMsMax,
  sawtoothWindowMsMin,
  seriesWindowsMax,
  tilesPerWindowMax,
  windowMsMax,
} from '../base/limits.ts'
import { windowModes, type Window, type WindowMode } from '../model/catalog.ts'
import { shown } from './names.ts'
import { checkOptions } from './options.ts'
import type { Problems } from './problems.ts'
import { resolveDuration } from './resolve-duration.ts'
import { resolveMoment } from './resolve-moment.ts'
import { timeWindowOptions, windowSeriesOptions, type WindowCall } from './window.ts'

/** How the windows of one view are kept. */
export interface WindowPlan {
  readonly mode: WindowMode
  /** Tile width of `interval` mode, ms; 0 for the others, or when it could not be read. */
  readonly intervalMs: number
  /** From when on a lifetime window counts, ms since the epoch; null when the view does not say. */
  readonly lifetimeStartMs: number | null
}

/** Mode, tile width and lifetime of a view. */
export function resolveWindowPlan(
  view: {
    readonly mode: unknown
    readonly aggregationInterval?: unknown
    readonly lifetimeStart?: unknown
  },
  path: string,
  problems: Problems,
): WindowPlan {
  const { mode, aggregationInterval, lifetimeStart } = view
  const lifetimeStartMs =
    lifetimeStart === undefined
      ? null
      : resolveMoment(lifetimeStart, `${path}.lifetimeStart`, problems, view)
  if (!isWindowMode(mode)) {
    const known = windowModes.map((each) => `"${each}"`).join(', ')
    problems.add(`${path}.mode`, `${shown(mode)} is not one of ${known}`, view)
    return { mode: 'sawtooth', intervalMs: 0, lifetimeStartMs }
  }
  const at = `${path}.aggregationInterval`
  if (mode !== 'interval') {
    if (aggregationInterval !== undefined) {
      problems.add(at, 'only mode "interval" has an aggregation interval', view)
    }
    return { mode, intervalMs: 0, lifetimeStartMs }
  }
  if (aggregationInterval === undefined) {
    problems.add(at, 'mode "interval" needs one, such as "5m"', view)
    return { mode, intervalMs: 0, lifetimeStartMs }
  }
  const intervalMs = resolveDuration(aggregationInterval, at, problems, view)
  if (intervalMs > intervalMsMax) {
    const reason =
      `${shown(aggregationInterval)} is longer than ${formatDuration(intervalMsMax)}, ` +
      'the longest that keeps events in order to the nanosecond'
    problems.add(at, reason, view)
  }
  return { mode, intervalMs, lifetimeStartMs }
}

function isWindowMode(mode: unknown): mode is WindowMode {
  return windowModes.some((each) => each === mode)
}

/** A feature's window; null when it cannot be used, which is then among the problems. */
export function resolveWindow(
  argument: unknown,
  plan: WindowPlan,
  path: string,
  problems: Problems,
  ...sites: readonly unknown[]
): Window | null {
  const call = argument as Partial<WindowCall> | null
  const written: WindowCall['window'] | undefined =
    typeof argument === 'string'
      ? { kind: 'time', size: argument as '1h', offset: '0s' }
      : call?.window
  if (written === undefined) {
    problems.add(path, `${shown(argument)} is neither a duration nor a window`, ...sites)
    return null
  }
  if (typeof argument !== 'string' && !checkGiven(call!, path, problems, ...sites)) return null
  const ms = (text: unknown, min: 0 | 1): number => {
    if (min === 0 && text === '0s') return 0
    // What cannot be read has no length.
    return resolveDuration(text, path, problems, ...sites) || NaN
  }
  const window = read(written, plan, ms)
  const reason = window === null ? null : windowProblem(window, plan)
  if (reason !== null) problems.add(path, `window ${shownWindow(argument)} ${reason}`, ...sites)
  return window
}

/** The options of a call; false when there are none to read. */
function checkGiven(
  { window, options }: Partial<WindowCall>,
  path: string,
  problems: Problems,
  ...sites: readonly unknown[]
): boolean {
  if (window?.kind === 'lifetime') return true
  const [of, known, needed] =
    window?.kind === 'series'
      ? (['windowSeries', windowSeriesOptions, 'from'] as const)
      : (['timeWindow', timeWindowOptions, 'offset'] as const)
  const given: Readonly<Record<string, unknown>> =
    typeof options === 'object' && options !== null ? { ...options } : {}
  checkOptions(given, { of, known, path }, problems, ...sites)
  if (given[needed] !== undefined) return true
  problems.add(path, `${of} needs options such as { ${needed}: "7d" }`, ...sites)
  return false
}

/** @param ms  Reads a duration; NaN when it cannot be read. */
function read(
  written: WindowCall['window'],
  plan: WindowPlan,
  ms: (text: unknown, min: 0 | 1) => number,
): Window | null {
  switch (written.kind) {
    case 'time': {
      const [sizeMs, offsetMs] = [ms(written.size, 1), ms(written.offset, 0)]
      return Number.isNaN(sizeMs + offsetMs) ? null : { kind: 'time', sizeMs, offsetMs }
    }
    case 'lifetime':
      return { kind: 'lifetime', startMs: plan.lifetimeStartMs ?? NaN }
    case 'series': {
      const { size, from, to, step } = written
      const [sizeMs, fromMs, stepMs] = [ms(size, 1), ms(from, 1), ms(step, 1)]
      const toMs = ms(to, 0)
      if (Number.isNaN(sizeMs + fromMs + stepMs + toMs)) return null
      return { kind: 'series', sizeMs, fromMs, toMs, stepMs }
    }
  }
}

function windowProblem(window: Window, plan: WindowPlan): string | null {
  if (window.kind === 'lifetime') {
    if (plan.mode === 'interval') return 'is not for mode "interval": it has no complete tiles'
    return Number.isNaN(window.startMs) ? 'needs the view to have a lifetimeStart' : null
  }
  const reachMs = window.kind === 'time' ? window.sizeMs + window.offsetMs : window.fromMs
  if (reachMs > windowMsMax) return `reaches back further than ${formatDuration(windowMsMax)}`
  const series = window.kind === 'series' ? seriesProblem(window) : null
  if (series !== null) return series
  if (plan.mode === 'interval') return intervalProblem(window, plan)
  const minMs = plan.mode === 'sawtooth' ? sawtoothWindowMsMin : continuousWindowMsMin
  return window.sizeMs < minMs ? `is shorter than ${formatDuration(minMs)}` : null
}

function seriesProblem(window: Extract<Window, { kind: 'series' }>): string | null {
  const { sizeMs, fromMs, toMs, stepMs } = window
  const steps = (fromMs - toMs - sizeMs) / stepMs
  if (steps < 1) return 'holds fewer than two windows'
  if (!Number.isInteger(steps)) {
    return 'does not end where it should: from − to − size is not a multiple of the step'
  }
  return steps + 1 > seriesWindowsMax
    ? `has ${steps + 1} windows, more than ${seriesWindowsMax}`
    : null
}

function intervalProblem(
  window: Extract<Window, { sizeMs: number }>,
  { intervalMs }: WindowPlan,
): string | null {
  if (intervalMs === 0) return null
  const interval = formatDuration(intervalMs)
  const [parts, reachMs] =
    window.kind === 'time'
      ? [[window.sizeMs, window.offsetMs], window.sizeMs + window.offsetMs]
      : [[window.sizeMs, window.fromMs, window.toMs, window.stepMs], window.fromMs]
  const odd = parts.find((ms) => ms % intervalMs !== 0)
  if (odd !== undefined) {
    const part = odd === window.sizeMs ? '' : `: its ${formatDuration(odd)}`
    return `is not a multiple of the aggregation interval ${interval}${part}`
  }
  const tiles = reachMs / intervalMs
  return tiles > tilesPerWindowMax
    ? `has ${tiles} intervals of ${interval}, more than ${tilesPerWindowMax}`
    : null
}

/** How long the latest row is served, ms. */
export function resolveTtl(
  ttl: unknown,
  path: string,
  problems: Problems,
  definition: unknown,
): number {
  return ttl === undefined ? Infinity : resolveDuration(ttl, path, problems, definition)
}

function shownWindow(argument: unknown): string {
  if (typeof argument === 'string') return shown(argument)
  const { label, suffix } = argument as WindowCall
  return shown(`${label}${suffix}`)
}
