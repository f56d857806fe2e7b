/**
 * The definitions of one features file, checked and resolved: what every stage works from.
 *
 * `define/catalog.ts` builds it; after that it never changes. All of it but the functions is plain
 * data. `identity` is a hash over everything that decides a value, and over nothing else: an owner
 * or a description may change over an existing store, a column may not.
 */
import type { TSchema } from 'typebox'
import type { AggregateFunction } from './aggregate-function.ts'
import type { DataType, Field, Value } from './types.ts'

export interface Metadata {
  readonly description?: string
  readonly owner?: string
  readonly tags?: Readonly<Record<string, string>>
}

export interface Source extends Metadata {
  readonly name: string
  /** Place in `Catalog.sources`. */
  readonly index: number
  /** In the order of the definition. */
  readonly fields: readonly Field[]
  readonly timestampField: string
  /** The compiled form of `fields`: checks a converted event. */
  readonly schema: TSchema
  /** What producers push instead, and what makes it fit `fields`; absent: they push `fields`. */
  readonly input?: SourceInput
  readonly dedupe: Dedupe
  /** Where its past is; decides no value of the stream, and so is no part of the identity. */
  readonly batch?: Batch
  /** Whether its events are written to the offline log. */
  readonly offline: boolean
  /** Event time at which the stream of new views begins, ms; absent: when a store sees them. */
  readonly streamStartMs?: number
  readonly identity: string
  /** Places in `Catalog.routes` of the routes that this source's events take; may be empty. */
  readonly routes: readonly number[]
}

/** The raw events of a source: what is pushed, checked first, and made into the source's fields. */
export interface SourceInput {
  /** In the order of the definition; among them every join key of the source's views. */
  readonly fields: readonly Field[]
  /** The compiled form of `fields`: checks a converted raw event. */
  readonly schema: TSchema
  readonly postProcessor: PostProcessor
}

/** Rows that hold the past of a source. */
export interface Batch {
  readonly from: BatchFrom
  /** A query over the table `batch`, which is what is there; null: it is taken as it is. */
  readonly query: string | null
  /** The columns that are read, and what makes events of them; absent: the source's fields. */
  readonly input?: SourceInput
}

export type BatchFrom =
  | {
      readonly kind: 'parquet' | 'csv' | 'ndjson'
      /** Paths and globs. */
      readonly files: readonly string[]
      /** Whether folders that are named `name=value` are columns. */
      readonly hivePartitions: boolean
    }
  | { readonly kind: 'query'; readonly sql: string }

/** When two events of a source are one, beside the sequences of their producer. */
export type Dedupe =
  /** Never: only the producer's sequences tell. */
  | { readonly by: 'sequence' }
  /**
   * Events of the same join keys and the same value of a field, when the later arrives at most
   * `horizonMs` after the first; the first counts.
   */
  | { readonly by: 'event-id'; readonly field: Field; readonly horizonMs: number }
  /** Events of the same join keys and the same event time; the last to arrive counts. */
  | { readonly by: 'event-time' }

/** One way of events from a source to shards: its views that share their join keys. */
export interface Route {
  /** Place in `Catalog.routes`. */
  readonly index: number
  readonly source: number
  /** The fields of the source that make the entity key, in key order. */
  readonly joinKeys: readonly Field[]
  /** Places in `Catalog.views`. */
  readonly views: readonly number[]
}

/** What a feature is: its name, its type, and what is read for it. */
export type Feature = Metadata & {
  readonly name: string
  /** Type of the value; always nullable. */
  readonly type: DataType
} & (AggregateFeature | AttributeFeature | SecondaryKeysFeature)

/** A column aggregated over a window. */
export interface AggregateFeature {
  readonly kind: 'aggregate'
  /** The field of the view's rows that is aggregated. */
  readonly column: string
  readonly fn: AggregateFunction
  readonly window: Window
}

/** The values of the view's secondary key in a window, in their order. */
export interface SecondaryKeysFeature {
  readonly kind: 'secondary-keys'
  readonly column: string
  readonly window: Window
}

/** The value of a column in the latest row of a key. */
export interface AttributeFeature {
  readonly kind: 'attribute'
  readonly column: string
}

/** Which events a feature sees, as of a moment t. */
export type Window =
  /** `(t − offset − size, t − offset]`, its edges as the view's mode keeps them. */
  | { readonly kind: 'time'; readonly sizeMs: number; readonly offsetMs: number }
  /** All events from a moment on. */
  | { readonly kind: 'lifetime'; readonly startMs: number }
  /**
   * Several time windows of one size, the earliest first: the first begins `fromMs` before t, each
   * later one `stepMs` after the one before, the last ends `toMs` before t.
   */
  | {
      readonly kind: 'series'
      readonly sizeMs: number
      readonly fromMs: number
      readonly toMs: number
      readonly stepMs: number
    }

/** How a window's edges are kept; see `docs/ARCHITECTURE.md`. */
export const windowModes = ['sawtooth', 'interval', 'continuous'] as const
export type WindowMode = (typeof windowModes)[number]

/** What "now" is when a window is evaluated. */
export const leadingEdges = ['wall-clock', 'latest-event'] as const
export type LeadingEdge = (typeof leadingEdges)[number]

export function isLeadingEdge(value: unknown): value is LeadingEdge {
  return leadingEdges.some((each) => each === value)
}

/** One row that a transform or a post-processor makes from an event. */
export type TransformRow = Readonly<Record<string, Value>>

/** Makes the one row of a raw event, or leaves the event out. */
export type PostProcessor = (event: TransformRow) => TransformRow | null

export type Transform = (event: TransformRow) => TransformRow | readonly TransformRow[] | null

/** What a realtime view computes its features of: request data and features, each by a name. */
export type RealtimeInput = Readonly<Record<string, TransformRow>>

/** Makes the one row of a realtime view; null: all of its features are null. */
export type RealtimeTransform = (input: RealtimeInput) => TransformRow | null

export interface View extends Metadata {
  readonly name: string
  /** Place in `Catalog.views`. */
  readonly index: number
  readonly source: number
  readonly route: number
  readonly entities: readonly string[]
  readonly joinKeys: readonly Field[]
  /** Columns that features read: fields of the source or, with a transform, of its rows. */
  readonly columns: readonly Field[]
  readonly features: readonly Feature[]
  /**
   * The column by whose values aggregates are kept apart: each is then a list, in the order of
   * those values. Null without one.
   */
  readonly secondaryKey: string | null
  /** Of the events of a key with equal event times, only the last to arrive counts. */
  readonly lastWriteWins: boolean
  readonly mode: WindowMode
  /** Tile width of `interval` mode, ms; 0 for the others, whose tiles follow from the windows. */
  readonly intervalMs: number
  /** How long the latest row of a view of attributes is served, ms; Infinity for ever. */
  readonly ttlMs: number
  readonly leadingEdge: LeadingEdge
  /** Join keys by which the others are found; null where a read names all of them. */
  readonly servingIndex: readonly string[] | null
  /** Event time before which nothing of the batch source counts, ms. */
  readonly featureStartMs?: number
  /** Keys that the stream may bring on one day, UTC; decides no value of a key that is there. */
  readonly newKeysPerDay: number
  readonly online: boolean
  readonly transform: Transform | null
  /** Checks the rows of the transform; null without one. */
  readonly rowSchema: TSchema | null
  readonly identity: string
}

export interface Entity extends Metadata {
  readonly name: string
  readonly joinKeys: readonly Field[]
}

/** Features that are computed when they are read, of request data and of other views' features. */
export interface RealtimeView extends Metadata {
  readonly name: string
  /** Place in `Catalog.realtimeViews`. */
  readonly index: number
  /** Request data, as a read has it for each key; in the order of the definition. */
  readonly requestFields: readonly Field[]
  /** The join keys of its sources together. */
  readonly joinKeys: readonly Field[]
  /** The views that it reads, as a service would have them. */
  readonly parts: readonly ServicePart[]
  /** What it reads of them. */
  readonly inputs: readonly ServiceFeature[]
  /** Fields of the transform's row, in the order of the definition. */
  readonly features: readonly Field[]
  readonly transform: RealtimeTransform
}

/** Features that are read together. Every view is also a service of its own name. */
export interface Service extends Metadata {
  readonly name: string
  readonly joinKeys: readonly Field[]
  /** Request data that a read has for each key; empty without realtime views. */
  readonly requestFields: readonly Field[]
  /** The join keys of a read of all that is known of them; null when there is no such read. */
  readonly servingIndex: readonly string[] | null
  readonly parts: readonly ServicePart[]
  /** In the order in which values are answered. */
  readonly features: readonly ServiceFeature[]
}

/** A view as it stands in a service: under a name, and found by keys of that service. */
export interface ServicePart {
  /** What the names of its features begin with, before the dot; the name of the view, mostly. */
  readonly namespace: string
  readonly isRealtime: boolean
  /** Place in `Catalog.views`, or in `Catalog.realtimeViews`. */
  readonly view: number
  /** For each join key of the view, its place among those of the service. */
  readonly keyPlaces: readonly number[]
}

export interface ServiceFeature {
  /** `namespace.feature`; in the service that a view is, `feature`. */
  readonly name: string
  /** Place in the service's `parts`. */
  readonly part: number
  /** Place in the view's `features`. */
  readonly feature: number
}

export interface Catalog {
  readonly entities: readonly Entity[]
  readonly sources: readonly Source[]
  readonly routes: readonly Route[]
  readonly views: readonly View[]
  readonly realtimeViews: readonly RealtimeView[]
  readonly services: readonly Service[]
}
