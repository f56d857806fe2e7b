/**
 * The interfaces between stages: what one stage needs of another, supplied by the roots.
 */
import type { MillraceError } from '../base/errors.ts'
import type { LeadingEdge } from './catalog.ts'
import type { PartlyLate, PushRejection, Rejection } from './rejection.ts'
import type { DataType, Field, Value } from './types.ts'
import type { KeySearch, ReadQuery, ReadResult } from './message.ts'

/** One PUBLISH as it came off the wire. */
export interface IncomingBatch {
  readonly source: string
  /** Sequence of the first event. */
  readonly sequence: number
  /** Number of events. */
  readonly count: number
  /** The msgpack array of `bin` elements, untouched; copied: the caller's again afterwards. */
  readonly payload: Uint8Array
  /** Absent for events of the stream. */
  readonly backfill?: BackfillBatch
}

/** What a batch of a backfill says beside its events. */
export interface BackfillBatch {
  /** Which backfill it is of, from 1 on: decides which views count its events. */
  readonly id: number
  /** Where each event stood in the batch source; see `model/origins.ts`. */
  readonly origins: Uint8Array
}

/** What has become of a producer's events up to and including `upTo`: on disk and applied. */
export interface Acknowledgement {
  readonly upTo: number
  /**
   * Events that were not counted again: sent a second time under their sequences, or duplicates by
   * the rule of their source.
   */
  readonly duplicates: number
  /** By sequence, ascending. */
  readonly rejections: readonly SequencedRejection[]
}

export interface SequencedRejection extends Rejection {
  readonly sequence: number
}

/** A batch of which nothing was taken. */
export interface RefusedBatch {
  /** The sequence that is taken next. */
  readonly expected: number
  /** Why, unless events before it are missing: it may be taken later. */
  readonly reason?: MillraceError
}

/** The intake as one connection sees it. */
export interface ProducerSession {
  readonly producer: string
  readonly epoch: number
  /** Highest sequence that is on disk and applied; -1 before the first. */
  readonly lastSequence: number
  /** Events that it should have in flight at most, by what is known now; Infinity for no bound. */
  readonly creditEvents: number
  /** Takes a batch, or refuses it whole. Taken: an acknowledgement that covers it will follow. */
  publish(batch: IncomingBatch): { readonly taken: true } | RefusedBatch
  /** Ends the session; batches already taken are still applied. */
  close(): void
}

/** How an ingest session is told what happens to its events. */
export interface ProducerListener {
  acknowledged(acknowledgement: Acknowledgement): void
  /** Another session has opened the same producer. */
  fenced(): void
  /**
   * Whether nothing more should be read of the session for now; false at first. Left out where
   * there is nothing to hold back.
   */
  held?(isHeld: boolean): void
}

/** Where connections hand in events. */
export interface IngestPort {
  /**
   * Opens a producer: with `epoch` null a new epoch, on disk before this resolves; else resumes.
   *
   * @throws MillraceError `PRODUCER_FENCED` when `epoch` is over, `EPOCH_UNKNOWN` when there was no
   *   such, `PRODUCER_EXPIRED` when it was a producer's that is forgotten, `PRODUCER_QUOTA`.
   */
  openProducer(
    producer: string,
    epoch: number | null,
    listener: ProducerListener,
  ): Promise<ProducerSession>
}

/** Events of one source, as they are pushed from within the process. */
export interface SourceEvents {
  readonly source: string
  /** Number of events; 0 is nothing to do. */
  readonly count: number
  /** A msgpack array of `bin` elements, as in a PUBLISH; not changed until there is an outcome. */
  readonly payload: Uint8Array
}

/** What has become of the events of one source. */
export interface PushOutcome {
  /** Events that count, duplicates by the rule of their source among them. */
  readonly accepted: number
  /** By place, ascending. */
  readonly rejections: readonly PushRejection[]
}

/** What would become of them. */
export interface CheckOutcome extends PushOutcome {
  /** By name of the view: rows that it would count. */
  readonly rows: ReadonlyMap<string, number>
}

/**
 * Where events come in that have no session: each call is answered for itself.
 *
 * @remarks `outcomes[n]` is of `batches[n]`.
 */
export interface PushPort {
  /**
   * Publishes the events; resolves when all of them are on disk and applied, or rejected.
   *
   * @throws MillraceError `SOURCE_UNKNOWN`, `OVERLOADED`, `DRAINING`: nothing was taken.
   *   `STORAGE_FULL`: the batch that met it was not, nor any behind it. `OUTCOME_UNKNOWN`, and what
   *   a daemon fails with: nobody knows.
   */
  push(batches: readonly SourceEvents[]): Promise<readonly PushOutcome[]>

  /**
   * Tells what would become of the events if they came now, and changes nothing. It does not ask
   * what came before: duplicates, and what would be late behind the newest event of a view whose
   * windows end there, are not told.
   *
   * @throws MillraceError `SOURCE_UNKNOWN`, `OVERLOADED`, `DRAINING`, `OUTCOME_UNKNOWN`
   */
  check(batches: readonly SourceEvents[]): Promise<readonly CheckOutcome[]>

  /**
   * The same for a request that may be sent again: it counts once, its repeats hear what has become
   * of it, and what is asked about them is asked as of its time.
   *
   * @throws MillraceError `IDEMPOTENCY_KEY_REUSED`
   */
  withKey(identity: RequestIdentity): PushPort
}

/** What tells a request that is sent again from another one. */
export interface RequestIdentity {
  /** The client's word for it. */
  readonly key: string
  /** A hash of all that it says, without spaces. */
  readonly digest: string
}

/** One entity's features, in the order of the service. */
export interface FeatureRow {
  readonly values: readonly unknown[]
  readonly states: readonly FeatureState[]
  /**
   * Per feature: event time of the key's newest event in the feature's view; null if unseen, and of
   * a realtime feature.
   */
  readonly newestNs: readonly (bigint | null)[]
  /** Per feature: the end of its window; of a realtime feature, when it was computed. */
  readonly edgeNs: readonly bigint[]
  /** Of the features in state `failed`: why, by namespace. Absent where there are none. */
  readonly failures?: Readonly<Record<string, string>>
}

/**
 * Why a value is what it is. `present`: computed from at least one event. `null`: events are in
 * the window, but all values of the column are null, or all but one where the function needs two.
 * `empty`: the key is known and no event is in the window. `overflow`: the value, or one of a list,
 * is beyond the range of its type. `expired`: the key's newest event is before every window of the
 * view. `unseen`: no event of the key is known. `backfilling`: events of the view's history are
 * still to be counted. A realtime feature is `present`, `null`, or `failed`: its function has
 * thrown, did not come to an end, or has made no row of its schema.
 */
export type FeatureState =
  'present' | 'null' | 'empty' | 'overflow' | 'expired' | 'unseen' | 'backfilling' | 'failed'

export interface FeatureTable {
  /** In order: `feature` for a view, `view.feature` for a feature service. */
  readonly names: readonly string[]
  readonly rows: readonly FeatureRow[]
}

/** A table that knows how its values are to be written. */
export interface TypedFeatureTable extends FeatureTable {
  /** The type of each feature. */
  readonly types: readonly DataType[]
}

/** What one read may ask for in another way than its views say. */
export interface ReadOptions<Request = Readonly<Record<string, unknown>>> {
  /** What "now" is for all windows of the read. @defaultValue as each view says */
  readonly leadingEdge?: LeadingEdge
  /**
   * Request data for realtime features, `requestData[n]` for `keys[n]`: field → value in any wire
   * form. @defaultValue none
   */
  readonly requestData?: readonly Request[]
}

/** What is asked over HTTP says beside, some of it only in the words of other products. */
export interface HttpReadOptions extends ReadOptions {
  /**
   * Whether request data has come as JSON, in which a float is NaN or infinite as text only.
   *
   * @defaultValue false
   */
  readonly isJson?: boolean
  /**
   * Whether views with a null in their key have seen nothing of it; else it is refused.
   *
   * @defaultValue false
   */
  readonly takesNullKeys?: boolean
  /**
   * How far the events of views have come whose windows end at the latest one, ns since the epoch:
   * not after the read, and not before an event that one of them has counted.
   *
   * @defaultValue as far as they have come
   */
  readonly watermarkNs?: bigint
}

/** A table of all that is known of a part of a key. */
export interface QueriedFeatureTable extends TypedFeatureTable {
  readonly joinKeys: readonly Field[]
  /** `keys[n]` of `rows[n]`: the values of all join keys of the read, in their order. */
  readonly keys: readonly (readonly Value[])[]
}

/** Where connections ask for features. */
export interface ReadPort {
  /**
   * @param name  A feature service or a view.
   * @param keys  `keys[n]`, join key → value in any wire form.
   * @returns `rows[n]`, in the order of the keys.
   * @throws MillraceError `FEATURES_UNKNOWN`, `KEY_INVALID`, `TOO_MANY_KEYS`, `VIEW_NOT_ONLINE`,
   *   `REQUEST_DATA_INVALID`, `REQUEST_INVALID`, `ANSWER_TOO_LARGE`.
   */
  read(
    name: string,
    keys: readonly Readonly<Record<string, unknown>>[],
    options?: HttpReadOptions,
  ): Promise<TypedFeatureTable>
  /**
   * Reads every key of which a part is given: the join keys of the service's `servingIndex`.
   *
   * @param options  `requestData`, if there is any, has one element, for all rows.
   * @returns the keys of which events are known and have not expired, in the order of the values of
   *   their other join keys.
   * @throws MillraceError as `read`, `KEY_NOT_INDEXED`, `TOO_MANY_ROWS`.
   */
  query(
    name: string,
    key: Readonly<Record<string, unknown>>,
    options?: HttpReadOptions,
  ): Promise<QueriedFeatureTable>
}

/** Asks the shards; `results` are in the order of `queries`. */
export type ShardReader = (queries: readonly ReadQuery[]) => Promise<readonly ReadResult[]>

/** Searches all shards: the keys that are found, in no order. */
export type KeyFinder = (search: KeySearch) => Promise<readonly Uint8Array[]>

/** What the function of a realtime view has made of one key. */
export type RealtimeOutcome =
  /** In the order of the view's features. */
  | { readonly values: readonly Value[] }
  /** Why there are none. */
  | { readonly failure: string }

/**
 * Runs the function of a realtime view for some keys.
 *
 * @param view  Place in `Catalog.realtimeViews`.
 * @param rows  Per key: the values of its request fields, then those of its inputs.
 * @returns `outcomes[n]` of `rows[n]`.
 * @throws MillraceError `OVERLOADED`.
 */
export type RealtimeRunner = (
  view: number,
  rows: readonly (readonly Value[])[],
) => Promise<readonly RealtimeOutcome[]>

/** A journalled batch on its way through the shards. */
export interface BatchInFlight {
  /** Journal position of the end of the batch. */
  readonly position: number
  /** One more lane holds events of the batch. */
  expectLane(): void
  /**
   * Keeps a copy of the batch's events, if it has none yet; before any of them is rejected or late.
   *
   * @param payload  All of them, as they came.
   */
  keep(payload: Uint8Array): void
  /** Events that are not counted on a route; a place in the batch may come once per route. */
  reject(route: number, rejections: readonly Rejection[]): void
  /** Events that some views of a route have counted, and others not; once per route. */
  late(route: number, events: readonly PartlyLate[]): void
  /** Places of events that are duplicates of counted ones on a route; once per route. */
  duplicate(places: readonly number[]): void
  /** One lane has applied its events of the batch, after all that it has to say of them. */
  laneDone(): void
}

/** A batch as the router takes it. */
export interface RoutableBatch {
  /** Place in `Catalog.sources`. */
  readonly source: number
  readonly count: number
  readonly payload: Uint8Array
  readonly arrivalMs: number
  readonly inFlight: BatchInFlight
  /** Of a batch of a backfill, which one, and those routes of the source that it takes. */
  readonly audience?: { readonly backfill: number; readonly routes: readonly number[] }
}

/**
 * The full, slow way to an event's entity key, for events that the key scan finds unusual: decodes
 * and converts like the shard would. Returns the key's bytes or why the event is rejected.
 */
export type KeyResolver = (
  route: number,
  bytes: Uint8Array,
  start: number,
  end: number,
) => Uint8Array | Omit<Rejection, 'index'>

/** An event of one route by its key and its id; the object may be used again for the next one. */
export interface IdentifiedEvent {
  /** Place of the event in its batch. */
  readonly eventIndex: number
  readonly keyHash: number
  /** The key is `bytes[keyStart, keyEnd)`, the id `id[0, idBytes)`. */
  readonly bytes: Uint8Array
  readonly keyStart: number
  readonly keyEnd: number
  readonly id: Uint8Array
  readonly idBytes: number
}

/**
 * What an event is by its id. `first`: no event of its key has counted under the id within the
 * horizon, and this one now has it. `duplicate`: one has. `unsettled`: one has the id of which it
 * is not known yet whether it counts.
 */
export type IdVerdict = 'first' | 'duplicate' | 'unsettled'

/** The ids of the counted events of one route in one shard. */
export interface EventIds {
  claim(event: IdentifiedEvent): IdVerdict
}
