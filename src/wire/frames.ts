/**
 * The frames of `millrace.v1+msgpack`, as data.
 *
 * A frame is one binary WebSocket message that holds one msgpack array `[type, ...fields]`.
 * `docs/reference/protocol.md` says what each means and what each side owes the other;
 * `wire/protocol.ts` turns them into bytes and back.
 */
import type { FeatureTable, IncomingBatch, ReadOptions } from '../model/contracts.ts'

/** The WebSocket subprotocol; its name carries the major version. */
export const subprotocol = 'millrace.v1+msgpack'

/** The path of the endpoint. */
export const streamPath = '/v1/stream'

/** The version that HELLO and WELCOME agree on. */
export const protocolVersion = 1

/** The first element of every frame. Types below {@link ignorableFrom} must be understood. */
export const frameType = {
  hello: 1,
  welcome: 2,
  publish: 3,
  ack: 4,
  nack: 5,
  goaway: 6,
  flush: 7,
  flushed: 8,
  bye: 9,
  read: 10,
  features: 11,
  error: 12,
} as const

/** Frames of this type and above are skipped by whoever does not know them. */
export const ignorableFrom = 128

/** What a session may have in flight. */
export interface Credits {
  /** Unacknowledged events. */
  readonly events: number
  /** Unacknowledged bytes: of the `events` arrays of PUBLISH frames. */
  readonly bytes: number
}

export interface HelloFrame {
  readonly kind: 'hello'
  readonly version: number
  /** Null for a connection that only reads. */
  readonly producer: string | null
  /** The epoch to resume; null for a new one. */
  readonly epoch: number | null
  /** Name and version of the client's software. */
  readonly sdk: string | null
  /** As the last WELCOME had it; absent when there was none, or it did not say. */
  readonly incarnation?: string
}

export interface WelcomeFrame {
  readonly kind: 'welcome'
  readonly version: number
  /** Name and version of the server's software. */
  readonly server: string
  /** Names the history of the server's store: another one when an older state was put back. */
  readonly incarnation?: string
  readonly producer: string | null
  readonly epoch: number | null
  /** The epoch to be resumed was a producer's that the server has forgotten: there is none. */
  readonly isExpired: boolean
  /** Highest acknowledged sequence of the epoch, -1 before the first; null without a producer. */
  readonly lastSequence: number | null
  readonly credits: Credits
  readonly limits: FrameLimits
  readonly heartbeatMs: number
  readonly sources: readonly string[]
  readonly services: readonly string[]
}

/** Bounds that the server puts on a PUBLISH. */
export interface FrameLimits {
  /** Bytes of one WebSocket message. */
  readonly frameBytes: number
  /** Events of one PUBLISH. */
  readonly batchEvents: number
  /** Bytes of one event. */
  readonly eventBytes: number
}

export interface PublishFrame extends IncomingBatch {
  readonly kind: 'publish'
}

/** One event that was taken and is not counted. */
export interface FrameRejection {
  readonly sequence: number
  /** A code of `docs/reference/errors.md`; a newer server may know more. */
  readonly code: string
  /** JSON pointer into the event; `''` for the event itself. */
  readonly path: string
  readonly message: string
}

export interface AckFrame {
  readonly kind: 'ack'
  /** Every event up to and including this sequence is on disk and applied. */
  readonly upTo: number
  /** The credits from now on; null when they have not changed. */
  readonly credits: Credits | null
  /** Events that were not counted again, as `Acknowledgement` has them. */
  readonly duplicates: number
  /** By sequence, ascending; each at most `upTo`. */
  readonly rejections: readonly FrameRejection[]
}

export interface NackFrame {
  readonly kind: 'nack'
  /** First sequence of the PUBLISH of which nothing was taken. */
  readonly sequence: number
  readonly code: string
  readonly message: string
  /** The sequence that the server takes next; null when that is not the matter. */
  readonly expected: number | null
  readonly retryAfterMs: number | null
}

export interface GoawayFrame {
  readonly kind: 'goaway'
  readonly reason: string
  /** Time until the connection is cut, ms. */
  readonly deadlineMs: number
}

export interface FlushFrame {
  readonly kind: 'flush'
  readonly token: number
}

export interface FlushedFrame {
  readonly kind: 'flushed'
  readonly token: number
}

export interface ByeFrame {
  readonly kind: 'bye'
}

export interface ReadFrame {
  readonly kind: 'read'
  readonly id: number
  /** A feature service or a view. */
  readonly name: string
  /** Keys asked for. */
  readonly count: number
  /** `keys[n]`, join key → value; none when `count` is more than `readKeysMax`. */
  readonly keys: readonly Readonly<Record<string, unknown>>[]
  readonly options: ReadOptions
  /** Whether all is wanted that is known of a part of a key. */
  readonly isQuery: boolean
}

export interface FeaturesFrame {
  readonly kind: 'features'
  readonly id: number
  readonly table: FeatureTable
  /** `keys[n]` of `table.rows[n]`, where the READ was a query. */
  readonly keys?: readonly Readonly<Record<string, unknown>>[]
}

/** A READ that failed. */
export interface ErrorFrame {
  readonly kind: 'error'
  readonly id: number
  readonly code: string
  readonly message: string
}

export type ClientFrame = HelloFrame | PublishFrame | FlushFrame | ByeFrame | ReadFrame

export type ServerFrame =
  WelcomeFrame | AckFrame | NackFrame | GoawayFrame | FlushedFrame | FeaturesFrame | ErrorFrame
