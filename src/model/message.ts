/**
 * What the main thread and the shard threads say to each other.
 *
 * A lane is one shard thread with its port. Messages of a lane keep their order in both directions,
 * but for reads: they are answered before batches that wait, and see those that were answered.
 */
import type { ErrorCode, ErrorDetails } from '../base/errors.ts'
import type { HashSeed } from '../base/hash.ts'
import type { LeadingEdge } from './catalog.ts'
import type { ViewHistory } from './history.ts'
import type { KeyLimit } from './key-limit.ts'
import type { EventInHand } from './pulse.ts'
import type { PartlyLate, PushRejection, Rejection } from './rejection.ts'
import type { Value } from './types.ts'

/** How one lane starts: sent once, as the task of its thread. */
export interface LaneStart {
  readonly lane: number
  /** The shards this lane owns. */
  readonly shards: readonly number[]
  /** Module that exports the definitions, as a `file:` URL; or null with plain definitions. */
  readonly definitionsUrl: string | null
  /** Definitions as plain data, when there is no module. */
  readonly definitions: readonly unknown[] | null
  /** The secret of the store, for hashes of values. */
  readonly seed: HashSeed
  /** Folder of the shards' environments. */
  readonly storePath: string
  /** What each view's keys are stored under, by place in the catalog. */
  readonly viewIds: readonly number[]
  /** Journal position from which each view counts, by place in the catalog. */
  readonly viewsSince: readonly number[]
  /** Places of views that have not counted the journal yet, if any; `shard/added-views.ts`. */
  readonly added?: readonly number[]
  /** New keys of each view that may come into one shard on a day, by place in the catalog. */
  readonly keyLimits: readonly (readonly KeyLimit[])[]
  /** Where the stream of each view begins, by place in the catalog. */
  readonly histories: readonly (ViewHistory | null)[]
  /** Bytes of state a lane may keep in memory. */
  readonly stateBytesMax: number
  /** Where it shows that it lives; see `model/pulse.ts`. */
  readonly pulse: SharedArrayBuffer
  /** Events that have ended their thread each time, and are skipped. */
  readonly quarantined: readonly EventInHand[]
}

/** How far the ledger has come. */
export interface Recorded {
  /** Journal position up to which all that was not counted is on disk in the ledger. */
  readonly upTo: number
  /** End of the first batch behind it of which no shard saw a part; Infinity for none. */
  readonly refusedFrom: number
}

/** What is asked of a view, whatever the key. */
export interface ReadAbout {
  readonly view: number
  /** Places in the view's features. */
  readonly features: readonly number[]
  /** Which of the two ends the windows. */
  readonly leadingEdge: LeadingEdge
  /** The wall clock, ms. */
  readonly edgeMs: number
  /** The view's watermark over all shards: whole ms, and nanoseconds within. */
  readonly watermarkMs: number
  readonly watermarkNs: number
}

/** A question about one key of one view. */
export interface ReadQuery {
  /** Questions of one read, or of one moment, share it. */
  readonly about: ReadAbout
  readonly shard: number
  readonly keyHash: number
  readonly key: Uint8Array
}

/** A key where it stands: `bytes[keyStart, keyEnd)`. */
export interface KeyAt {
  readonly keyHash: number
  readonly bytes: Uint8Array
  readonly keyStart: number
  readonly keyEnd: number
}

/** What a read knows of one entity in one view. */
export interface ReadResult {
  /** `unseen`: no event is known. `expired`: known, and its newest event is before every window. */
  readonly entity: 'present' | 'unseen' | 'expired'
  /** Event time of the newest event of the key, ns since the epoch; null when unseen. */
  readonly newestNs: bigint | null
  /** The end of the windows that were evaluated, ns since the epoch. */
  readonly edgeNs: bigint
  /** One per asked feature; undefined where the value is beyond the range of its type. */
  readonly values: readonly (Value | undefined)[]
  /** One per asked feature: the window held at least one event. */
  readonly hasEvents: readonly boolean[]
}

/** A search for the keys of a view that have some values of its serving index, in every shard. */
export interface KeySearch {
  readonly view: number
  /** The values, encoded as a key of these join keys alone. */
  readonly index: Uint8Array
  /** The wall clock, ms. */
  readonly edgeMs: number
  /** Keys at most; who finds as many may not have found all. */
  readonly limit: number
}

/** A question that an error of ours has left without an answer; it changed nothing. */
export interface ReadFailure {
  /**
   * A plain error, so that it can be sent: the message and the stack of what was thrown. Null when
   * the values of the read exceed `answerBytesMax`.
   */
  readonly failure: Error | null
}

/** Questions on their way to a lane, in their order: made by `model/read-packing.ts`. */
export interface PackedQueries {
  /** Each once, as far as neighbouring questions share theirs. */
  readonly abouts: readonly ReadAbout[]
  /** Four of each question: place of its about, shard, hash of its key, its end in `keys`. */
  readonly words: Uint32Array
  readonly keys: Uint8Array
  /** Of each read: the place behind its last question. */
  readonly ends: Uint32Array
}

/** Answers on their way back, in the order of the questions. */
export interface PackedAnswers {
  /**
   * Eight bytes for each of two instants of every answer, and for each value; then a byte for each
   * value, what it is, and one for each answer, what it knows of the entity.
   */
  readonly bytes: ArrayBuffer
  /** Values that are no numbers. */
  readonly others: readonly Value[]
  /** The questions that have no answer. */
  readonly failures: readonly (ReadFailure & { readonly at: number })[]
}

/** Events of a source that nobody has journalled. */
export interface CheckedEvents {
  /** Place in the catalog. */
  readonly source: number
  readonly count: number
  /** A msgpack array of so many `bin`s. */
  readonly payload: SharedArrayBuffer
}

/** What would become of them. */
export interface CheckFindings {
  readonly routes: readonly {
    readonly route: number
    readonly rejections: readonly PushRejection[]
    readonly partly?: readonly PartlyLate[]
  }[]
  /** Of each view of the source, by its place in the catalog: rows that it would count. */
  readonly rows: readonly (readonly [view: number, rows: number])[]
}

export type ToShard =
  | {
      readonly kind: 'apply'
      readonly id: number
      /**
       * As `lane-sections.ts` has them. The lane's until it has answered; then it is filled again.
       */
      readonly sections: SharedArrayBuffer
      /** The batches that their sections name events of. */
      readonly events: SharedArrayBuffer
      /** Every batch up to here has been sent to every shard of the lane. */
      readonly routed: number
      /** The journal is on disk up to here. */
      readonly flushed: number
      readonly recorded: Recorded
      /** Event by event, each shown before it is applied: one of them may end the thread. */
      readonly isCareful?: boolean
    }
  | { readonly kind: 'read'; readonly id: number; readonly queries: PackedQueries }
  | { readonly kind: 'find'; readonly id: number; readonly search: KeySearch }
  /** Say what would become of events that arrived now; like a read, it does not wait for others. */
  | {
      readonly kind: 'check'
      readonly id: number
      readonly batches: readonly CheckedEvents[]
      readonly arrivalMs: number
    }
  /** Write what changed up to `routed`; answered by one `checkpointed` per shard. */
  | {
      readonly kind: 'checkpoint'
      /** One of the lane's; null for all of them. */
      readonly shard: number | null
      readonly routed: number
      readonly recorded: Recorded
      readonly arrivalMs: number
    }
  | { readonly kind: 'flushed'; readonly flushed: number }
  /** A backfill begins: what comes behind counts by these. */
  | { readonly kind: 'histories'; readonly histories: readonly (ViewHistory | null)[] }
  /** Close the store and end; every earlier message has been handled by then. */
  | { readonly kind: 'close' }

export type FromShard =
  | { readonly kind: 'opened'; readonly shards: readonly ShardOpened[] }
  | {
      readonly kind: 'applied'
      readonly id: number
      readonly rejected: readonly BatchRejections[]
      /** The lane's watermark of each view: ms and ns in turn; -Infinity before the first event. */
      readonly watermarks: Float64Array
    }
  | { readonly kind: 'read'; readonly id: number; readonly answers: PackedAnswers }
  /** `failure` when an error of ours has left it without an answer. */
  | {
      readonly kind: 'found'
      readonly id: number
      readonly keys: readonly Uint8Array[]
      readonly failure: Error | null
    }
  | {
      readonly kind: 'checked'
      readonly id: number
      /** In the order in which the batches were asked about. */
      readonly findings: readonly CheckFindings[]
    }
  | {
      readonly kind: 'checkpointed'
      readonly shard: number
      readonly position: number
      /** Where a replay must begin: there, or at a batch before that may not be in the ledger. */
      readonly from: number
      /** Keys written. */
      readonly keys: number
      readonly stats: LaneStats
    }
  /** A checkpoint waits for the journal to be on disk up to here; answered by `flushed`. */
  | { readonly kind: 'awaiting'; readonly position: number }
  /**
   * `error`: of ours, which says more than that the lane has failed. Without one, its stores are
   * closed, and another thread may go on with them.
   */
  | {
      readonly kind: 'failed'
      readonly reason: string
      readonly error: { readonly code: ErrorCode; readonly details: ErrorDetails } | null
    }
  | { readonly kind: 'closed' }

/** A shard that has opened its store: replay starts behind `position`. */
export interface ShardOpened {
  readonly shard: number
  readonly position: number
  readonly watermarks: Float64Array
  /** Where a replay must begin; not behind `position`. */
  readonly from: number
  /** Journal position up to which the ledger had all that was not counted. */
  readonly recorded: number
  /** What this shard did not count of batches behind that and up to `position`, which it skips. */
  readonly unrecorded: readonly BatchRejections[]
}

/**
 * The events of one batch that one shard did not count on one route, not for every view, or not
 * again.
 */
export interface BatchRejections {
  /** Journal position of the end of the batch. */
  readonly position: number
  readonly route: number
  readonly rejections: readonly Rejection[]
  readonly partly?: readonly PartlyLate[]
  /** Places of duplicates by the rule of the source; accepted, and not told after a restart. */
  readonly duplicates?: readonly number[]
}

export interface LaneStats {
  /** Keys and bytes of state in memory, and keys evicted and loaded since the start. */
  readonly keys: number
  readonly stateBytes: number
  readonly evicted: number
  readonly loaded: number
  /** By place in the catalog: keys in memory, their tiles, and the bytes of those. */
  readonly views: readonly ViewStats[]
}

export interface ViewStats {
  readonly keys: number
  readonly tiles: number
  readonly tileBytes: number
}
