/**
 * Which values the events that are still there decide, when the oldest are gone.
 *
 * What is gone arrived before what is there, so its event times are at most so much later than that
 * as an event may be ahead. A window that begins behind that has all of its events. Where events
 * have ids, one in the window may also be a duplicate of one that is gone: within the horizon. Of
 * a past that was backfilled and of which the first row is gone, nothing is known up to its end.
 */
import { futureMsMax } from '../base/limits.ts'
import type { ReplayedBatch } from '../journal/replay.ts'
import type { Feature, Source, View } from '../model/catalog.ts'
import type { ViewHistory } from '../model/history.ts'

/** A sawtooth window begins so much of its length too early, at most. */
const sawtoothShare = 1 / 10

/** What the events of a source and the rows of backfills begin with. */
export class Coverage {
  readonly #lostTo: number
  /** Arrival of the oldest batch that is there; null before there is one. */
  #firstArrivalMs: number | null = null
  /** Backfills whose first row is there. */
  readonly #begun = new Set<number>()

  /** @param lostTo  Position up to which batches are gone; 0 when none is. */
  constructor(lostTo: number) {
    this.#lostTo = lostTo
  }

  /** Takes note of a batch; they come in order. */
  add({ arrivalMs, backfill, sequence }: ReplayedBatch): void {
    this.#firstArrivalMs ??= arrivalMs
    if (backfill !== null && sequence === 0) this.#begun.add(backfill.id)
  }

  /**
   * Event time, ms, behind which a view has every event; -Infinity for all.
   *
   * @param since  Position from which the view counts.
   */
  fromMs(source: Source, since: number, history: ViewHistory | null): number {
    if (since >= this.#lostTo) return -Infinity
    const streamMs = completeFromMs(source, this.#firstArrivalMs!)
    if (history === null || this.#begun.has(history.backfill)) return streamMs
    return Math.max(streamMs, history.boundaryMs)
  }
}

function completeFromMs({ dedupe }: Source, firstArrivalMs: number): number {
  const horizonMs = dedupe.by === 'event-id' ? dedupe.horizonMs : 0
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
