/**
 * The public names of Millrace.
 */

// Definitions.
export { aggregate, type Aggregate, type AggregateOptions } from './define/aggregate.ts'
export { entity, type Entity, type EntityOptions } from './define/entity.ts'
export {
  featureService,
  type FeatureService,
  type FeatureServiceOptions,
  type FeaturesOf,
  type JoinKeysOf,
} from './define/service.ts'
export {
  pushSource,
  type EventOf,
  type PushSource,
  type PushSourceOptions,
  type RowOf,
} from './define/source.ts'
export { t, type FieldSchema, type Fields, type InputOf, type ValueOf } from './define/types.ts'
export {
  streamFeatureView,
  type FeatureSelection,
  type StreamFeatureView,
  type StreamFeatureViewOptions,
} from './define/view.ts'

// The client.
export { createClient, MillraceClient, type Readable, type UntypedEvent } from './client/client.ts'
export type { ClientStatus, ConnectionState } from './client/connection.ts'
export type { ClientOptions } from './client/options.ts'
export type { FeatureVector, JoinKeys } from './client/reader.ts'
export type { Receipt } from './client/receipt.ts'

// The daemon, embedded.
export type { Millrace } from './daemon/millrace.ts'
export type { MillraceOptions } from './daemon/options.ts'
export { startMillrace } from './daemon/start.ts'
