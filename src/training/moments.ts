/**
 * The moments at which a value may become another one: when an event enters a window, and when it
 * leaves it. Between two of them that follow one another nothing changes.
 *
 * Which moments these are follows from how a view keeps its windows; `aggregate/window.ts` has the
 * same rules the other way round. For an event of time e, in tile i of width w:
 *
 *     sawtooth         enters at e                 leaves at (i + 1) · w + size
 *     sawtooth, offset enters at (i + 1) · w + O   leaves at (i + 1) · w + O + size
 *     interval         the same
 *     continuous       enters at e + O             leaves at e + O + size
 *     lifetime         enters at e
 *     attribute        enters at e                 leaves at e + ttl
 */
import { spansOf, type Span } from '../aggregate/window.ts'
import type { Feature, View } from '../model/catalog.ts'
import { sawtoothTileMs } from '../model/tiles.ts'

/** A moment after an event, or after the end of the tile that holds it. */
interface Step {
  /** Width of the tile, ms; 0 for the event itself. */
  readonly tileMs: number
  readonly byMs: number
}

/** The moments that follow from an event of a time in ns, as SQL, each once. */
export function momentsSql(view: View, features: readonly number[], time: string): string[] {
  const steps = features.flatMap((feature) => stepsOf(view, view.features[feature]!))
  const moments = steps.map(({ tileMs, byMs }) => {
    const from = tileMs === 0 ? time : tileEnd(time, `${tileMs}000000`)
    return `${from} + ${byMs}000000`
  })
  return [...new Set(moments)]
}

/** Of integers, the remainder has the sign of what is divided. */
function tileEnd(time: string, width: string): string {
  return `${time} - ((${time} % ${width}) + ${width}) % ${width} + ${width}`
}

function stepsOf(view: View, feature: Feature): readonly Step[] {
  if (feature.kind === 'attribute') {
    const leaves = Number.isFinite(view.ttlMs) ? [{ tileMs: 0, byMs: view.ttlMs }] : []
    return [{ tileMs: 0, byMs: 0 }, ...leaves]
  }
  const { window } = feature
  if (window.kind === 'lifetime') return [{ tileMs: 0, byMs: 0 }]
  const tileMs = view.mode === 'interval' ? view.intervalMs : sawtoothTileMs(window.sizeMs)
  return spansOf(window).flatMap((span) => spanSteps(view, span, tileMs))
}

function spanSteps({ mode }: View, { sizeMs, offsetMs }: Span, tileMs: number): readonly Step[] {
  if (mode === 'continuous') {
    return [
      { tileMs: 0, byMs: offsetMs },
      { tileMs: 0, byMs: offsetMs + sizeMs },
    ]
  }
  const isExact = mode === 'sawtooth' && offsetMs === 0
  return [
    isExact ? { tileMs: 0, byMs: 0 } : { tileMs, byMs: offsetMs },
    { tileMs, byMs: offsetMs + sizeMs },
  ]
}
