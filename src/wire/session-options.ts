/**
 * What a session is told when it begins: its socket, and what surrounds it.
 */
import type { ErrorCode } from '../base/errors.ts'
import type { IngestPort, ReadPort } from '../model/contracts.ts'
import type { Grant } from '../model/permission.ts'
import type { Credits, FrameLimits } from './protocol.ts'
import type { Scheduler } from '../base/scheduler.ts'

/** What a session needs of its socket. */
export interface Connection {
  /** Sends one binary message; the bytes are not changed afterwards. */
  send(bytes: Uint8Array): void
  close(code: number, reason: string): void
  /** Stops and restarts reading; a few messages may still come after `pause`. */
  pause(): void
  resume(): void
  /** Bytes accepted by `send` that the peer's side has not taken yet. */
  readonly bufferedBytes: number
}

/** A logger in the manner of pino. */
export interface WireLog {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What sessions of a server share, all but the grant. */
export interface SessionOptions {
  readonly ingest: IngestPort
  readonly read: ReadPort
  readonly scheduler: Scheduler
  readonly log: WireLog
  /** Name and version of the server, as WELCOME tells it. */
  readonly server: string
  /** Names the history of the store, as WELCOME tells it; absent when nothing is stored. */
  readonly incarnation?: string
  readonly sources: readonly string[]
  readonly services: readonly string[]
  readonly limits: FrameLimits
  readonly credits: Credits
  readonly helloTimeoutMs: number
  readonly heartbeatMs: number
  /** What whoever has connected may do. @defaultValue everything */
  readonly grant?: Grant
  /** Told once per session that this side ends: an error code, or `BYE`. */
  readonly onClose: (reason: ErrorCode | 'BYE') => void
}
