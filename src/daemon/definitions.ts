/**
 * Whether the definitions of today fit the store of yesterday.
 *
 * State belongs to the definition that made it. A view or source that means something else than it
 * did, or that is gone, is refused by name; a new one is added and counts from now on.
 */
import { canonicalSource, canonicalView, describeDifference } from '../define/identity.ts'
import { MillraceError } from '../base/errors.ts'
import type { Catalog } from '../model/catalog.ts'
import { createSeed, directoryFormat, type Manifest } from '../persist/directory.ts'

export interface Settled {
  readonly manifest: Manifest
  /** What each view's keys are stored under, by place in the catalog. */
  readonly viewIds: readonly number[]
  /** Views that this store has not had before. */
  readonly added: readonly string[]
}

/**
 * The manifest of a store for these definitions.
 *
 * @param shards  For a new store; an existing one keeps its number.
 * @throws MillraceError `DEFINITION_CHANGED`
 */
export function settleDefinitions(
  catalog: Catalog,
  before: Manifest | null,
  shards: number,
): Settled {
  const sources = Object.fromEntries(
    catalog.sources.map((source) => [source.name, canonicalSource(source)]),
  )
  const views = Object.fromEntries(
    catalog.views.map((view) => [view.name, canonicalView(view, catalog.sources[view.source]!)]),
  )
  const known = before?.views ?? {}
  refuseChanges('source', before?.sources ?? {}, sources)
  refuseChanges(
    'view',
    mapValues(known, ({ canonical }) => canonical),
    views,
  )

  let nextId = 1 + Math.max(-1, ...Object.values(known).map(({ id }) => id))
  const stored = Object.fromEntries(
    Object.entries(views).map(([name, canonical]) => [
      name,
      known[name] ?? { id: nextId++, canonical },
    ]),
  )
  return {
    manifest: {
      format: directoryFormat,
      shards: before?.shards ?? shards,
      seed: before?.seed ?? createSeed(),
      views: stored,
      sources,
    },
    viewIds: catalog.views.map(({ name }) => stored[name]!.id),
    added: Object.keys(views).filter((name) => !Object.hasOwn(known, name)),
  }
}

function refuseChanges(
  kind: string,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): void {
  for (const [name, canonical] of Object.entries(before)) {
    const now = after[name]
    if (now === canonical) continue
    const reason = now === undefined ? 'it is gone' : describeDifference(canonical, now)
    throw new MillraceError('DEFINITION_CHANGED', { kind, name, reason })
  }
}

function mapValues<T, R>(record: Readonly<Record<string, T>>, map: (value: T) => R) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))
}
