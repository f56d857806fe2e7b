/**
 * The definitions of one features file, checked and resolved: what every stage works from.
 *
 * `define/catalog.ts` builds it; after that it never changes. All of it but the functions is plain
 * data. `identity` is a hash over everything that decides a value, and over nothing else: an owner
 * or a description may change over an existing store, a column may not.
 */
import type { TSchema } from 'typebox'
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
  readonly identity: string
  /** Places in `Catalog.routes` of the routes that this source's events take; may be empty. */
  readonly routes: readonly number[]
}

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

export const aggregateFunctions = ['count', 'sum', 'mean', 'min', 'max', 'last'] as const
export type AggregateFunction = (typeof aggregateFunctions)[number]

export interface Feature extends Metadata {
  readonly name: string
  /** The field of the view's rows that is aggregated. */
  readonly column: string
  readonly fn: AggregateFunction
  readonly windowMs: number
  /** Type of the value; always nullable. */
  readonly type: DataType
}

/** How a window's edges are kept; see `docs/ARCHITECTURE.md`. */
export type WindowMode = 'sawtooth' | 'interval'

/** What "now" is when a window is evaluated. */
export type LeadingEdge = 'wall-clock' | 'latest-event'

/** One row that a transform makes from an event. */
export type TransformRow = Readonly<Record<string, Value>>

export type Transform = (event: TransformRow) => TransformRow | readonly TransformRow[] | null

export interface View extends Metadata {
  readonly name: string
  /** Place in `Catalog.views`. */
  readonly index: number
  readonly source: number
  readonly route: number
  readonly entities: readonly string[]
  readonly joinKeys: readonly Field[]
  /** Columns that features aggregate: fields of the source or, with a transform, of its rows. */
  readonly columns: readonly Field[]
  readonly features: readonly Feature[]
  readonly mode: WindowMode
  /** Tile width of `interval` mode, ms; 0 for `sawtooth`, whose tiles follow from the windows. */
  readonly intervalMs: number
  readonly leadingEdge: LeadingEdge
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

/** Features that are read together. Every view is also a service of its own name. */
export interface Service extends Metadata {
  readonly name: string
  readonly joinKeys: readonly Field[]
  /** In the order in which values are answered. */
  readonly features: readonly ServiceFeature[]
}

export interface ServiceFeature {
  /** `view.feature`; in the service that a view is, `feature`. */
  readonly name: string
  readonly view: number
  /** Place in the view's `features`. */
  readonly feature: number
}

export interface Catalog {
  readonly entities: readonly Entity[]
  readonly sources: readonly Source[]
  readonly routes: readonly Route[]
  readonly views: readonly View[]
  readonly services: readonly Service[]
}
