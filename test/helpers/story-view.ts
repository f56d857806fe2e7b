/**
 * The source of the stories, views of it, and the rows that a view makes of its events.
 */
import type { BatchSource } from '../../src/define/batch.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { entity } from '../../src/define/entity.ts'
import { featureService } from '../../src/define/service.ts'
import { pushSource, type DedupeRule, type PushSource } from '../../src/define/source.ts'
import { t } from '../../src/define/types.ts'
import {
  streamFeatureView,
  type FeatureDefinition,
  type StreamFeatureView,
} from '../../src/define/view.ts'
import type { Catalog, WindowMode } from '../../src/model/catalog.ts'
import type { OracleEvent } from './oracle.ts'

export interface RawEvent {
  readonly id: string
  readonly timeNs: bigint
  readonly whole: bigint | null
  readonly small: number | null
  readonly amount: number | null
  readonly place: string | null
  readonly tag: string
}

export interface StoryView {
  readonly mode: WindowMode
  readonly aggregationInterval?: '10s' | '1m' | '1h'
  readonly leadingEdge: 'wall-clock' | 'latest-event'
  readonly lifetimeStart?: Date
  readonly ttl?: '10s' | '1h'
  readonly aggregationSecondaryKey?: 'tag'
  /** A rule of the source, where it is not the default. */
  readonly dedupe?: DedupeRule<'tag'>
  /** For the shard; any number when left out. */
  readonly newKeysPerDay?: number
  /** Whether a transform leaves out some events and makes two rows of others. */
  readonly isSplit?: boolean
  readonly features: readonly FeatureDefinition[]
}

/** The clock at the start of a story: far from the epoch, off every tile's edge. */
export const startMs = 1_700_000_123_456

/** What a story's transform makes of an event. */
function split(event: RawEvent): RawEvent | readonly RawEvent[] | null {
  if (event.place === 'LAS') return null
  return event.tag === 'red' ? [event, { ...event, tag: 'green', whole: null }] : event
}

/** The rows of an event in a view. */
export function rowsOf({ isSplit = false }: StoryView, event: RawEvent): readonly OracleEvent[] {
  const rows = isSplit ? [split(event) ?? []].flat() : [event]
  return rows.map((row) => {
    return { key: event.id, timeNs: event.timeNs, event, row: { ...row, at: event.timeNs } }
  })
}

/** The catalog of a view of the story's source. */
export function catalogOf(view: StoryView): Catalog {
  return buildCatalog([definitionsOf(view).story])
}

/** The view and its source, as they are defined. */
export function definitionsOf(view: StoryView): { source: PushSource; story: StreamFeatureView } {
  const { dedupe } = view
  const source = sourceOf(dedupe === undefined ? {} : { dedupe })
  return { source, story: viewOf('story', view, source) }
}

/** Views of one source, `view0`, …, whatever they say of its rule, and the service `all`. */
export function storyCatalog(views: readonly StoryView[], options: SourceOptions): Catalog {
  return buildCatalog(storyDefinitions(views, options))
}

/** What is in that catalog, as it is defined. */
export function storyDefinitions(
  views: readonly StoryView[],
  options: SourceOptions,
): readonly unknown[] {
  const source = sourceOf(options)
  const all = views.map((view, n) => viewOf(`view${n}`, view, source))
  return [...all, featureService({ name: 'all', features: all as never })]
}

const thing = entity({ name: 'thing', joinKeys: { id: t.String() } })

interface SourceOptions {
  readonly dedupe?: DedupeRule<'tag'>
  readonly batch?: BatchSource<never>
  readonly offline?: boolean
}

function sourceOf(options: SourceOptions) {
  return pushSource({
    name: 'events',
    schema: {
      id: t.String(),
      at: t.Timestamp(),
      whole: t.nullable(t.Int64()),
      small: t.nullable(t.Int32()),
      amount: t.nullable(t.Float64()),
      place: t.nullable(t.String()),
      tag: t.String(),
    },
    timestampField: 'at',
    ...options,
  })
}

function viewOf(
  name: string,
  { isSplit = false, dedupe: _rule, ...view }: StoryView,
  source: PushSource,
): StreamFeatureView {
  // Generated features are checked when the catalog is built, not by the compiler.
  const transform = isSplit ? { transform: split } : {}
  const definition = { name, source, entities: [thing], ...view, ...transform } as never
  return streamFeatureView(definition)
}
