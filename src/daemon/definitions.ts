/**
 * Whether the definitions of today fit the store of yesterday.
 *
 * State belongs to the definition that made it. A view or source that means something else than it
 * did is refused by name; one that is gone is refused, too, unless it is to be dropped; a new one
 * is added and counts what is there of the journal first.
 */
import { canonicalSource, canonicalView, describeDifference } from '../define/identity.ts'
import { MillraceError } from '../base/errors.ts'
import { futureMsMax } from '../base/limits.ts'
import type { Catalog, Source, View } from '../model/catalog.ts'
import type { ViewHistory } from '../model/history.ts'
import { newKeysMaxOfShard, type KeyLimit } from '../model/key-limit.ts'
import {
  createIncarnation,
  createSeed,
  directoryFormat,
  type Manifest,
  type StoredDefinition,
  type StoredHistory,
} from '../persist/manifest.ts'
import { storedFormats } from '../stored/formats.ts'

export interface Settled {
  readonly manifest: Manifest
  /** What each view's keys are stored under, by place in the catalog; -1 for one without state. */
  readonly viewIds: readonly number[]
  /** Journal position from which each view counts, by place in the catalog. */
  readonly viewsSince: readonly number[]
  /** New keys of each view that may come into one shard on a day, by place in the catalog. */
  readonly keyLimits: readonly (readonly KeyLimit[])[]
  /** Where each view's stream begins, by place in the catalog. */
  readonly histories: readonly (ViewHistory | null)[]
  /** Places of the views that have still to count what is there of the journal. */
  readonly catchingUp: readonly number[]
  /** Views that this store has not had before. */
  readonly added: readonly string[]
  /** Views and sources whose state is given up. */
  readonly dropped: readonly string[]
}

/** The journal that a view finds which is added to a store. */
export interface RetainedJournal {
  readonly start: number
  /** Arrival of its first batch, wall time, ms. */
  readonly firstArrivalMs: number
}

export interface SettleOptions {
  /** For a new store; an existing one keeps its number. */
  readonly shards: number
  /** Where the journal ends: a view that does not count what is there counts from there. */
  readonly journalEnd: number
  /** What is there of the journal; null when it has no batch. */
  readonly retained: RetainedJournal | null
  /** Wall time, ms: with it begins the stream of a view that counts nothing of the journal. */
  readonly nowMs: number
  /** Gives up the state of what is no longer defined, instead of refusing. */
  readonly dropMissing: boolean
}

/**
 * The manifest of a store for these definitions.
 *
 * A view with `online: false` keeps no state: one that goes offline gives its state up, and counts
 * afresh when it comes back.
 *
 * @throws MillraceError `DEFINITION_CHANGED`, `DEFINITION_MISSING`
 */
export function settleDefinitions(
  catalog: Catalog,
  before: Manifest | null,
  { shards, journalEnd, retained, nowMs, dropMissing }: SettleOptions,
): Settled {
  const sources = Object.fromEntries(
    catalog.sources.map((source) => [source.name, canonicalSource(source)]),
  )
  const views = Object.fromEntries(
    catalog.views.map((view) => [view.name, canonicalView(view, catalog.sources[view.source]!)]),
  )
  const known = before?.views ?? {}
  const knownViews = mapValues(known, ({ canonical }) => canonical)
  const missing = [
    ...compare('source', before?.sources ?? {}, sources),
    ...compare('view', knownViews, views),
  ]
  if (missing.length > 0 && !dropMissing) throw new MillraceError('DEFINITION_MISSING', missing[0])
  for (const view of catalog.views) assertBoundary(view, catalog.sources[view.source]!, known)

  let nextViewId = before?.nextViewId ?? 0
  const stored = Object.fromEntries(
    catalog.views
      .filter(({ online }) => online)
      .map((view): [string, StoredDefinition] => {
        const { name } = view
        const stored = known[name]
        if (stored !== undefined && stored.isCatchingUp !== true) {
          return [name, { ...stored, keyLimits: limitsOf(view, stored.keyLimits, journalEnd) }]
        }
        const source = catalog.sources[view.source]!
        const countable = countableOf(source, before, retained)
        const start = countable?.start ?? journalEnd
        const place = { id: nextViewId++, since: start, keyLimits: limitsOf(view, [], start) }
        // What it had stored, when it was interrupted, stays under the id of before.
        const catching = countable === null ? {} : { isCatchingUp: true }
        const made = { ...place, canonical: views[name]!, ...catching }
        const history = stored?.history ?? newHistory(view, source, countable, nowMs)
        return [name, history === null ? made : { ...made, history }]
      }),
  )
  const shardCount = before?.shards ?? shards
  return {
    manifest: {
      format: directoryFormat,
      formats: storedFormats,
      incarnation: before?.incarnation ?? createIncarnation(),
      shards: shardCount,
      seed: before?.seed ?? createSeed(),
      views: stored,
      nextViewId,
      nextBackfillId: before?.nextBackfillId ?? 1,
      sources,
    },
    viewIds: catalog.views.map(({ name }) => stored[name]?.id ?? -1),
    viewsSince: catalog.views.map(({ name }) => stored[name]?.since ?? 0),
    keyLimits: catalog.views.map(({ name }) => limitsOfShard(stored[name], shardCount)),
    histories: catalog.views.map(({ name }) => stored[name]?.history ?? null),
    catchingUp: catalog.views.flatMap(({ name, index }) =>
      stored[name]?.isCatchingUp === true ? [index] : [],
    ),
    added: Object.keys(stored).filter((name) => !Object.hasOwn(known, name)),
    dropped: missing.map(({ name }) => name),
  }
}

/**
 * The manifest to go back to when a start fails, so that definitions it has added can still be
 * changed; null when there is nothing to go back to, or state was given up for good.
 */
export function manifestBefore(before: Manifest | null, settled: Settled | null): Manifest | null {
  if (settled === null) return null
  const { views, nextViewId } = settled.manifest
  if (Object.keys(before?.views ?? {}).some((name) => !Object.hasOwn(views, name))) return null
  // Ids that were given out stay so: a checkpoint may have stored keys under them.
  return { ...(before ?? { ...settled.manifest, views: {}, sources: {} }), nextViewId }
}

/** What was decided by a limit stays so: another one is for what is journalled from now on. */
function limitsOf(
  { newKeysPerDay: max }: View,
  known: readonly KeyLimit[],
  journalEnd: number,
): readonly KeyLimit[] {
  // One that no batch has met is not needed any more.
  const before = known.filter(({ since }) => since < journalEnd)
  return before.at(-1)?.max === max ? before : [...before, { since: journalEnd, max }]
}

function limitsOfShard(stored: StoredDefinition | undefined, shards: number): readonly KeyLimit[] {
  if (stored === undefined) return []
  return stored.keyLimits.map(({ since, max }) => ({ since, max: newKeysMaxOfShard(max, shards) }))
}

/**
 * What a view that is added may count of the journal. Of a source that the store has not had, it
 * has events of another definition, if any; where events have ids, it is not known any more which
 * of them were duplicates.
 */
function countableOf(
  { name, dedupe }: Source,
  before: Manifest | null,
  retained: RetainedJournal | null,
): RetainedJournal | null {
  const isKnown = Object.hasOwn(before?.sources ?? {}, name)
  return isKnown && dedupe.by !== 'event-id' ? retained : null
}

/**
 * The history of a view that this store has not had before; null when it has none. It ends where
 * the journal surely has every event of the stream: what is gone arrived before what is there.
 */
function newHistory(
  view: View,
  source: Source,
  retained: RetainedJournal | null,
  nowMs: number,
): StoredHistory | null {
  if (source.batch === undefined) return null
  // The latest time that an event which is gone may have is before it.
  const wholeFromMs = retained === null ? nowMs : retained.firstArrivalMs + futureMsMax + 1
  return {
    boundaryMs: source.streamStartMs ?? Math.min(wholeFromMs, nowMs),
    fromMs: view.featureStartMs ?? null,
    backfill: 0,
    rows: null,
    isComplete: false,
  }
}

/**
 * What has been counted on either side of a boundary stays where it is.
 *
 * @throws MillraceError `DEFINITION_CHANGED`
 */
function assertBoundary(view: View, { streamStartMs }: Source, known: Manifest['views']): void {
  const before = known[view.name]?.history?.boundaryMs
  if (before === undefined || streamStartMs === undefined || before === streamStartMs) return
  const [was, is] = [before, streamStartMs].map((ms) => new Date(ms).toISOString())
  const reason = `streamStartTime: ${was} → ${is}`
  throw new MillraceError('DEFINITION_CHANGED', { kind: 'view', name: view.name, reason })
}

/** Finds what is gone; refuses what means something else than it did. */
function compare(
  kind: string,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): { kind: string; name: string }[] {
  const gone: { kind: string; name: string }[] = []
  for (const [name, canonical] of Object.entries(before)) {
    const now = after[name]
    if (now === canonical) continue
    if (now !== undefined) {
      const reason = describeDifference(canonical, now)
      throw new MillraceError('DEFINITION_CHANGED', { kind, name, reason })
    }
    gone.push({ kind, name })
  }
  return gone
}

function mapValues<T, R>(record: Readonly<Record<string, T>>, map: (value: T) => R) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))
}
