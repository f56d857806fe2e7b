/**
 * Which values the events that are still there decide, when the oldest are gone.
 *
 * What is gone arrived before what is there, so its event times are at most so much later than that
 * as an event may be ahead. A window that begins behind that has all of its events. Where events
 * have ids, one in the window may also be a duplicate of one that is gone: within the horizon. Of
 * a past that was backfilled and of which the first row is gone, nothing is known up to its end.
 */
import { futureMsMax } from '../base/limits.ts'
import type { Feature, Source, View } from '../model/catalog.ts'
import type { ViewHistory } from '../model/history.ts'
import type { CountedBatch, LoggedPast } from './logged-past.ts'

/** A sawtooth window begins so much of its length too early, at most. */
const sawtoothShare = 1 / 10

/** With what the events begin that are still there. */
export class Coverage {
  readonly #past: LoggedPast
  /** Arrival of the oldest batch of the journal; null before there is one. */
  #journalMs: number | null = null
  /** By place of the source: the same of what the offline log has of its events. */
  readonly #loggedMs = new Map<number, number>()
  /** Backfills whose first row is there. */
  readonly #begun = new Set<number>()

  constructor(past: LoggedPast) {
    this.#past = past
  }

  /** Takes note of a batch; those of a source come in order. */
  add({ arrivalMs, backfill, sequence, source, sequences }: CountedBatch): void {
    if (sequences === null) this.#journalMs ??= arrivalMs
    else if (!this.#loggedMs.has(source)) this.#loggedMs.set(source, arrivalMs)
    if (backfill !== null && sequence === 0) this.#begun.add(backfill.id)
  }

  /**
   * Event time, ms, behind which a view has every event; -Infinity for all.
   *
   * @param since  Position from which the view counts.
   */
  fromMs(source: Source, since: number, history: ViewHistory | null): number {
    const { journalStart, lostTo } = this.#past
    const streamMs =
      since >= lostTo[source.index]!
        ? -Infinity
        : completeFromMs(source, this.#loggedMs.get(source.index) ?? this.#journalMs)
    const isPastThere = history === null || this.#begun.has(history.backfill)
    if (isPastThere || since >= journalStart) return streamMs
    return Math.max(streamMs, Math.min(history.boundaryMs, completeFromMs(source, this.#journalMs)))
  }
}

/** @param firstArrivalMs  Null when nothing is there. */
function completeFromMs({ dedupe }: Source, firstArrivalMs: number | null): number {
  if (firstArrivalMs === null) return Infinity
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
