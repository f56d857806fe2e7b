/**
 * What a verification comes to: whether what is served is what the journal says, as plain JSON.
 */

/** A value as `serve/json.ts` writes it. */
type JsonValue = unknown

export interface VerifyRequest {
  /** Keys of each route, at most. */
  readonly keysMax: number
  /** Which keys, where there are more. */
  readonly seed: number
}

export interface Certificate {
  /** Whether no value differs. */
  readonly isEqual: boolean
  /** Hash of all that decides a value. */
  readonly definitions: string
  /** The part of the journal that was counted again. */
  readonly journal: { readonly from: number; readonly to: number }
  /** Events that were counted again, and those of them that only the offline log has. */
  readonly events: number
  readonly loggedEvents: number
  readonly seed: number
  readonly views: readonly CertifiedView[]
  /** Of all that differ, the first. */
  readonly difference: Difference | null
  readonly startedAt: string
  readonly tookMs: number
}

export interface CertifiedView {
  readonly view: string
  /** Keys that were compared, and whether there are more. */
  readonly keys: number
  readonly isSample: boolean
  /** Values that are equal, that differ, and that need events which are gone. */
  readonly equal: number
  readonly different: number
  readonly uncertified: number
  /** Event time behind which every event is there; null when none is gone. */
  readonly completeFrom: string | null
}

export interface Difference {
  readonly view: string
  readonly feature: string
  readonly key: { readonly [joinKey: string]: JsonValue }
  /** The end of the windows of the read. */
  readonly edge: string
  readonly served: { readonly state: string; readonly value: JsonValue }
  readonly counted: { readonly state: string; readonly value: JsonValue }
  /** The newest events of the key, the oldest first, and how many there are before them. */
  readonly events: readonly ExplainedEvent[]
  readonly eventsBefore: number
}

export interface ExplainedEvent {
  readonly position: number
  readonly producer: string
  readonly epoch: number
  readonly sequence: number
  /** File and row of an event of a batch source; null for one that was pushed. */
  readonly origin: string | null
  readonly arrived: string
  /** Event time; null for an event that cannot be read. */
  readonly time: string | null
  /** Its value of the column of the feature, where it is a field of the source. */
  readonly value: JsonValue
  /**
   * `counted`, `duplicate`, the code of a rejection, or `left-out`: the view has made no row of it,
   * or the event is not of its stream or past.
   */
  readonly verdict: string
  /** What the feature comes to with it. */
  readonly after: { readonly state: string; readonly value: JsonValue }
}

/** Where requests have what is served verified. */
export interface VerifyPort {
  /** Verifies, one at a time: who comes meanwhile is told what comes of the one under way. */
  verify(request: VerifyRequest): Promise<Certificate>
  readonly isRunning: boolean
  /** Those that have ended. */
  readonly runs: number
  /** What the last one came to; null before the first. */
  readonly last: Certificate | null
  /** Why the last one could not be made; null when it could. */
  readonly failure: string | null
}
