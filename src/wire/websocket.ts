/**
 * The door: WebSocket connections on an HTTP server, one session each.
 *
 * In: upgrade requests, refused with an HTTP status before the upgrade or let in. Holds: there are
 * no more connections than the bound, each is looked after (`socket-connection.ts`), and the memory
 * of all together is bounded (`wire-memory.ts`). Why connections ended or were refused is counted.
 *
 * Thread: main.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { MillraceError, type ErrorCode } from '../base/errors.ts'
import { apiKeysLookMs } from '../base/http-limits.ts'
import * as limits from '../base/limits.ts'
import { standardAdmission, type Admission } from '../model/admission.ts'
import type { Catalog } from '../model/catalog.ts'
import type { IngestPort, ReadPort } from '../model/contracts.ts'
import { openAccess, type AccessPort, type Grant } from '../model/permission.ts'
import { streamPath, subprotocol } from './frames.ts'
import { refusalOf, refuseUpgrade } from './refusal.ts'
import { systemScheduler, type Scheduler } from '../base/scheduler.ts'
import type { Connection, SessionOptions, WireLog } from './session-options.ts'
import { Session } from './session.ts'
import {
  SocketConnection,
  type ConnectedSockets,
  type ConnectionEvents,
} from './socket-connection.ts'
import { WireMemory } from './wire-memory.ts'
import { YoungMemory } from './young-memory.ts'

export interface IngestOptions {
  /** Its `upgrade` event is taken over: what is not for `path` is answered 404. */
  readonly server: Server
  readonly catalog: Catalog
  readonly ports: { readonly ingest: IngestPort; readonly read: ReadPort }
  readonly log: WireLog
  /** Name and version, as WELCOME tells it. */
  readonly name: string
  /** Names the history of the store, as WELCOME tells it. */
  readonly incarnation?: string
  /** @defaultValue `/v1/stream` */
  readonly path?: string
  /** Who may connect. @defaultValue no web page, by any name */
  readonly admission?: Admission
  /** What they may do. @defaultValue everything */
  readonly access?: AccessPort
  /** @defaultValue the bounds of `base/limits.ts` */
  readonly limits?: Partial<ConnectionLimits>
  /** @defaultValue the process's timers */
  readonly scheduler?: Scheduler
}

export interface ConnectionLimits {
  readonly connectionsMax: number
  readonly frameBytesMax: number
  readonly creditEventsMax: number
  readonly creditBytesMax: number
  readonly helloTimeoutMs: number
  readonly heartbeatMs: number
}

const standardLimits: ConnectionLimits = {
  connectionsMax: limits.connectionsMax,
  frameBytesMax: limits.frameBytesMax,
  creditEventsMax: limits.creditEventsMax,
  creditBytesMax: limits.creditBytesMax,
  helloTimeoutMs: limits.helloTimeoutMs,
  heartbeatMs: limits.heartbeatMs,
}

export interface IngestServer {
  /** Open connections. */
  readonly connections: number
  /**
   * How often connections ended for a reason of ours, or a fault of the peer's: by error code,
   * `BYE`, `HEARTBEAT`, or the code of ws or the system.
   */
  readonly closes: ReadonlyMap<string, number>
  /** Upgrade requests refused, by error code. */
  readonly refusals: ReadonlyMap<string, number>
  /** A session without a socket: for clients within the process. */
  connect(connection: Connection): Session
  /**
   * Refuses new connections and asks the present ones to leave: what was taken is acknowledged,
   * then they close with 1012. Resolves when all are gone; those left at the deadline are cut.
   */
  drain(deadlineMs: number): Promise<void>
  /** Refuses new connections and closes the present ones with the code of an error. */
  fail(error: MillraceError): void
  /** Cuts every connection and lets go of the HTTP server. */
  close(): void
}

/** Takes the WebSocket upgrades of an HTTP server. */
export function attachIngest(options: IngestOptions): IngestServer {
  return new Door(options)
}

class Door implements IngestServer {
  readonly #options: IngestOptions
  readonly #limits: ConnectionLimits
  readonly #scheduler: Scheduler
  readonly #session: SessionOptions
  readonly #sockets: WebSocketServer
  readonly #connections = new Set<SocketConnection>()
  readonly #closes = new Map<string, number>()
  readonly #refusals = new Map<string, number>()
  readonly #young = new YoungMemory()
  readonly #memory = new WireMemory(this.#connections)
  readonly #events: ConnectionEvents = {
    onCut: (reason) => count(this.#closes, reason),
    onBroken: (code) => count(this.#closes, code),
    onHandled: (bytes) => this.#young.handled(bytes),
    onMoved: (bytes) => this.#memory.moved(bytes),
  }
  readonly #lookMs: number
  readonly #stopLooking: () => void
  readonly #stopChecking: () => void
  #accepted = 0
  #draining = false
  #drained: Promise<void> | null = null
  #onEmpty: () => void = () => {}

  constructor(options: IngestOptions) {
    this.#options = options
    this.#limits = { ...standardLimits, ...options.limits }
    this.#scheduler = options.scheduler ?? systemScheduler
    this.#session = sessionOptions(options, this.#limits, this.#scheduler, (reason) =>
      count(this.#closes, reason),
    )
    const socketOptions = {
      noServer: true,
      clientTracking: false,
      // Compression costs memory per connection and threads that the journal needs.
      perMessageDeflate: false,
      maxPayload: this.#limits.frameBytesMax,
      maxFragments: limits.frameFragmentsMax,
      maxBufferedChunks: limits.frameChunksMax,
      closeTimeout: limits.helloTimeoutMs,
      handleProtocols: () => subprotocol,
    }
    this.#sockets = new WebSocketServer(socketOptions)
    this.#sockets.on('wsClientError', ({ message: reason }, socket) => {
      this.#refuse(socket, new MillraceError('REQUEST_INVALID', { path: 'handshake', reason }))
    })
    options.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgrade(request, socket, head)
    })
    this.#lookMs = Math.ceil(this.#limits.heartbeatMs / limits.looksPerHeartbeat)
    this.#stopLooking = this.#scheduler.every(this.#lookMs, () => {
      for (const connection of this.#connections) connection.look()
    })
    this.#stopChecking = this.#scheduler.every(apiKeysLookMs, () => {
      for (const { session } of this.#connections) session.checkGrant()
    })
  }

  get connections(): number {
    return this.#connections.size
  }

  get closes(): ReadonlyMap<string, number> {
    return this.#closes
  }

  get refusals(): ReadonlyMap<string, number> {
    return this.#refusals
  }

  connect(connection: Connection): Session {
    return new Session(connection, this.#session)
  }

  drain(deadlineMs: number): Promise<void> {
    this.#drained ??= this.#drain(deadlineMs)
    return this.#drained
  }

  async #drain(deadlineMs: number): Promise<void> {
    this.#draining = true
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    for (const connection of this.#connections) connection.session.drain(deadlineMs)
    if (this.#connections.size === 0) return
    const callOff = this.#scheduler.after(deadlineMs, () => this.#cutAll())
    await empty
    callOff()
  }

  fail(error: MillraceError): void {
    this.#draining = true
    for (const connection of this.#connections) connection.session.fail(error)
  }

  /** Until the server is closed, too, whoever comes is told to come back. */
  close(): void {
    this.#draining = true
    this.#stopLooking()
    this.#stopChecking()
    this.#cutAll()
    this.#sockets.close()
  }

  #cutAll(): void {
    for (const connection of this.#connections) connection.cut()
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A raw socket without a listener would end the process with the first reset.
    socket.on('error', ignore)
    const { path = streamPath, admission = standardAdmission } = this.#options
    const grant = (this.#options.access ?? openAccess).grantOf(request.headers)
    const refusal = refusalOf(request, { path, admission, grant, shut: () => this.#shut() })
    if (refusal !== null) {
      this.#refuse(socket, refusal)
      return
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', ignore)
      this.#accept({ webSocket, socket }, grant)
    })
  }

  #refuse(socket: Duplex, refusal: MillraceError): void {
    count(this.#refusals, refusal.code)
    refuseUpgrade(socket, refusal)
  }

  #shut(): MillraceError | null {
    if (this.#draining) return new MillraceError('DRAINING')
    const full = this.#connections.size >= this.#limits.connectionsMax
    return full ? new MillraceError('OVERLOADED') : null
  }

  #accept(sockets: ConnectedSockets, grant: Grant): void {
    const phase = this.#accepted++ % limits.looksPerHeartbeat
    const options = { lookMs: this.#lookMs, phase }
    const session = { ...this.#session, grant }
    const connection = new SocketConnection(sockets, session, this.#events, options)
    this.#connections.add(connection)
    sockets.webSocket.on('close', () => {
      this.#connections.delete(connection)
      connection.session.disconnected()
      if (this.#connections.size === 0) this.#onEmpty()
    })
  }
}

function sessionOptions(
  { catalog, ports, log, name, incarnation }: IngestOptions,
  bounds: ConnectionLimits,
  scheduler: Scheduler,
  onClose: (reason: ErrorCode | 'BYE') => void,
): SessionOptions {
  const views = catalog.views.filter((view) => view.online)
  return {
    ...ports,
    scheduler,
    log,
    onClose,
    server: name,
    ...(incarnation === undefined ? {} : { incarnation }),
    sources: catalog.sources.map((source) => source.name),
    services: [...new Set([...catalog.services, ...views].map((readable) => readable.name))],
    limits: {
      frameBytes: bounds.frameBytesMax,
      batchEvents: limits.batchEventsMax,
      eventBytes: limits.eventBytesMax,
    },
    credits: { events: bounds.creditEventsMax, bytes: bounds.creditBytesMax },
    helloTimeoutMs: bounds.helloTimeoutMs,
    heartbeatMs: bounds.heartbeatMs,
  }
}

function count(counts: Map<string, number>, reason: string): void {
  counts.set(reason, (counts.get(reason) ?? 0) + 1)
}

function ignore(): void {}
