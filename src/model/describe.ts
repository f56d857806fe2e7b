/**
 * Features in words: what is read of which column, over which window.
 */
import { formatDuration } from '../base/duration.ts'
import type { AggregateFunction } from './aggregate-function.ts'
import type { Feature, Window } from './catalog.ts'
import { formatTimestamp } from './timestamp.ts'

/** `sum(amount) over 1h`, `last_3(item) over 7d, 3d ago`, `latest plan`. */
export function describeFeature(feature: Feature): string {
  if (feature.kind === 'attribute') return `latest ${feature.column}`
  if (feature.kind === 'secondary-keys') {
    return `values of ${feature.column} over ${describeWindow(feature.window)}`
  }
  const { fn, column, window } = feature
  return `${describeFunction(fn)}(${column}) over ${describeWindow(window)}`
}

/** `sum`, `last_3`, `approx_percentile_0.5_100`: the function with its parameters. */
export function describeFunction(fn: AggregateFunction): string {
  const { name, ...parameters } = fn
  return [name.replace(/_n$/, ''), ...Object.values<number>(parameters)].join('_')
}

/** `1h`; `7d, 3d ago`; `lifetime since 2024-01-01T00:00:00Z`; `1d each 1d from 7d to 0s ago`. */
export function describeWindow(window: Window): string {
  switch (window.kind) {
    case 'time': {
      const ago = window.offsetMs === 0 ? '' : `, ${formatDuration(window.offsetMs)} ago`
      return `${formatDuration(window.sizeMs)}${ago}`
    }
    case 'lifetime':
      return `lifetime since ${formatTimestamp(BigInt(window.startMs) * 1_000_000n)}`
    case 'series': {
      const { sizeMs, stepMs, fromMs, toMs } = window
      const [size, step, from, to] = [sizeMs, stepMs, fromMs, toMs].map(formatDuration)
      return `${size} each ${step} from ${from} to ${to} ago`
    }
  }
}
