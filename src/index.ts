/**
 * The public names of Millrace.
 */

// Definitions.
export { aggregate, type Aggregate, type AggregateOptions } from './define/aggregate.ts'
export {
  csv,
  duckdb,
  ndjson,
  parquet,
  type BatchFilesOptions,
  type BatchInputChoice,
  type BatchSource,
} from './define/batch.ts'
export { attribute, type Attribute, type AttributeOptions } from './define/attribute.ts'
export { entity, type Entity, type EntityOptions } from './define/entity.ts'
export {
  approxCountDistinct,
  approxPercentile,
  first,
  firstDistinct,
  last,
  lastDistinct,
  type FunctionArgument,
  type FunctionCall,
} from './define/function.ts'
export {
  realtimeFeatureView,
  type RealtimeFeatureView,
  type RealtimeFeatureViewOptions,
  type RealtimeSource,
} from './define/realtime.ts'
export type { FeatureSelection, Selectable } from './define/selection.ts'
export {
  featureService,
  type FeatureService,
  type FeatureServiceOptions,
  type FeaturesOf,
  type JoinKeysOf,
  type RequestOf,
  type ServiceElement,
} from './define/service.ts'
export {
  pushSource,
  type DedupeRule,
  type EventOf,
  type PushSource,
  type PushSourceOptions,
  type RowOf,
} from './define/source.ts'
export { t, type FieldSchema, type Fields, type InputOf, type ValueOf } from './define/types.ts'
export {
  streamFeatureView,
  type FeatureDefinition,
  type StreamFeatureView,
  type StreamFeatureViewOptions,
} from './define/view.ts'
export {
  lifetimeWindow,
  timeWindow,
  windowSeries,
  type TimeWindowOptions,
  type WindowArgument,
  type WindowCall,
  type WindowSeriesOptions,
} from './define/window.ts'

// The client.
export { createClient, MillraceClient, type Readable, type UntypedEvent } from './client/client.ts'
export type { ClientStatus, ConnectionState } from './client/connection.ts'
export type { ClientOptions } from './client/options.ts'
export type { FeatureVector, JoinKeys, KeyedFeatureVector } from './client/reader.ts'
export type { Stored, Unfinished } from './client/producer.ts'
export type { OpenEvents, Receipt, SentRejection } from './client/receipt.ts'
export type { FeatureState, ReadOptions } from './model/contracts.ts'

// The daemon, embedded.
export { startMillrace } from './daemon/embed.ts'
export type { Millrace } from './daemon/millrace.ts'
export type { MillraceLog } from './base/log-port.ts'
export type { MillraceOptions } from './daemon/options.ts'

// Tests of definitions.
export { testKit, type TestKit, type TestKitOptions } from './kit/test-kit.ts'
export type { PushRejection, PushReport, TransformedRow, TransformReport } from './kit/reports.ts'

// The past.
export { featuresInRange, trainingSet } from './training/library.ts'
export type { RangeResult, TrainingManifest } from './training/manifest.ts'
export type { RangeOptions, TrainingSetOptions } from './training/options.ts'
