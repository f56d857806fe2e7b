/**
 * Which values the events of a journal decide, when its beginning is gone.
 *
 * What is gone arrived before what is there, so its event times are at most so much later than that
 * as an event may be ahead. A window that begins behind that has all of its events. Where events
 * have ids, one in the window may also be a duplicate of one that is gone: within the horizon.
 */
import { futureMsMax } from '../base/limits.ts'
import type { Feature, Source, View } from '../model/catalog.ts'

/** A sawtooth window begins so much of its length too early, at most. */
const sawtoothShare = 1 / 10

/** Moment, ms, behind which every event of a source is there; -Infinity for all. */
export function completeFromMs(source: Source, firstArrivalMs: number | null): number {
  if (firstArrivalMs === null) return -Infinity
  const horizonMs = source.dedupe.by === 'event-id' ? source.dedupe.horizonMs : 0
  return firstArrivalMs + futureMsMax + horizonMs
}

/** Whether all events that decide a feature are there, for windows that end at `edgeMs`. */
export function isCovered(
  view: View,
  feature: Feature,
  at: { readonly edgeMs: number; readonly newestMs: number; readonly fromMs: number },
): boolean {
  const { edgeMs, newestMs, fromMs } = at
  // The latest row of a key is the latest whatever came before it.
  if (feature.kind === 'attribute') return newestMs > fromMs || edgeMs - view.ttlMs > fromMs
  const { window } = feature
  if (window.kind === 'lifetime') return window.startMs > fromMs
  const reachMs = window.kind === 'series' ? window.fromMs : window.sizeMs + window.offsetMs
  const tileMs = view.mode === 'interval' ? view.intervalMs : window.sizeMs * sawtoothShare
  return edgeMs - reachMs - tileMs > fromMs
}
