/**
 * The door: WebSocket connections on an HTTP server, one session each.
 *
 * In: upgrade requests, refused with an HTTP status before the upgrade or let in. Holds: every
 * connection answers pings or is cut, sends what one session may send and no more, and is not read
 * while the intake is full. A message may be a slice of the chunk that was read from the socket
 * with others: nobody keeps it beyond the call that handles it.
 *
 * Thread: main.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { MillraceError, type ErrorCode } from '../base/errors.ts'
import * as limits from '../base/limits.ts'
import { standardAdmission, type Admission } from '../model/admission.ts'
import type { Catalog } from '../model/catalog.ts'
import type { IngestPort, ReadPort } from '../model/contracts.ts'
import { streamPath, subprotocol } from './frames.ts'
import { refusalOf, refuseUpgrade } from './refusal.ts'
import { systemScheduler, type Scheduler } from './scheduler.ts'
import { YoungMemory } from './young-memory.ts'
import { Session, type Connection, type SessionOptions, type WireLog } from './session.ts'

export interface IngestOptions {
  /** Its `upgrade` event is taken over: what is not for `path` is answered 404. */
  readonly server: Server
  readonly catalog: Catalog
  readonly ports: { readonly ingest: IngestPort; readonly read: ReadPort }
  readonly log: WireLog
  /** Name and version, as WELCOME tells it. */
  readonly name: string
  /** @defaultValue `/v1/stream` */
  readonly path?: string
  /** Who may connect. @defaultValue no web page, by any name */
  readonly admission?: Admission
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
  /** How often the server ended a connection, by error code; `BYE` and `HEARTBEAT` among them. */
  readonly closes: ReadonlyMap<string, number>
  /** Upgrade requests refused, by error code. */
  readonly refusals: ReadonlyMap<string, number>
  /** A session without a socket: for clients within the process. */
  connect(connection: Connection): Session
  /** Stops reading every socket, those still to come included. */
  pauseAll(): void
  resumeAll(): void
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
  readonly #stopHeartbeat: () => void
  readonly #onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  #paused = false
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
      closeTimeout: limits.helloTimeoutMs,
      handleProtocols: () => subprotocol,
    }
    this.#sockets = new WebSocketServer(socketOptions)
    this.#onUpgrade = (request, socket, head) => this.#upgrade(request, socket, head)
    options.server.on('upgrade', this.#onUpgrade)
    this.#stopHeartbeat = this.#scheduler.every(this.#limits.heartbeatMs, () => {
      for (const connection of this.#connections) connection.heartbeat()
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

  pauseAll(): void {
    this.#paused = true
    for (const connection of this.#connections) connection.hold(true)
  }

  resumeAll(): void {
    this.#paused = false
    for (const connection of this.#connections) connection.hold(false)
  }

  drain(deadlineMs: number): Promise<void> {
    this.#drained ??= this.#drain(deadlineMs)
    return this.#drained
  }

  async #drain(deadlineMs: number): Promise<void> {
    this.#draining = true
    // Nothing is taken any more, and the closing handshakes have to be read.
    this.resumeAll()
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
    // The closing handshakes have to be read; who does not answer is cut after a while.
    this.resumeAll()
    for (const connection of this.#connections) connection.session.fail(error)
  }

  close(): void {
    this.#draining = true
    this.#stopHeartbeat()
    this.#options.server.off('upgrade', this.#onUpgrade)
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
    const refusal = refusalOf(request, { path, admission, shut: () => this.#shut() })
    if (refusal !== null) {
      count(this.#refusals, refusal.code)
      refuseUpgrade(socket, refusal)
      return
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', ignore)
      this.#accept(webSocket, socket)
    })
  }

  #shut(): MillraceError | null {
    if (this.#draining) return new MillraceError('DRAINING')
    const full = this.#connections.size >= this.#limits.connectionsMax
    return full ? new MillraceError('OVERLOADED') : null
  }

  #accept(webSocket: WebSocket, socket: Duplex): void {
    const onCut = (): void => count(this.#closes, 'HEARTBEAT')
    const onHandled = (bytes: number): void => this.#young.handled(bytes)
    const connection = new SocketConnection(webSocket, socket, this.#session, { onCut, onHandled })
    this.#connections.add(connection)
    connection.hold(this.#paused)
    webSocket.on('close', () => {
      this.#connections.delete(connection)
      connection.session.disconnected()
      if (this.#connections.size === 0) this.#onEmpty()
    })
  }
}

interface ConnectionEvents {
  /** It has not answered, and is cut. */
  onCut(): void
  /** A message of so many bytes has been handled. */
  onHandled(bytes: number): void
}

/** One WebSocket and its session. */
class SocketConnection {
  readonly session: Session
  readonly #webSocket: WebSocket
  readonly #events: ConnectionEvents
  /** The session, and the server as a whole, want the socket not to be read. */
  #pausedBySession = false
  #pausedByServer = false
  /** Heartbeats in a row without a sign of life. */
  #missed = 0

  constructor(
    webSocket: WebSocket,
    socket: Duplex,
    options: SessionOptions,
    events: ConnectionEvents,
  ) {
    this.#webSocket = webSocket
    this.#events = events
    this.session = new Session(
      {
        send: (bytes) => webSocket.send(bytes),
        close: (code, reason) => webSocket.close(code, reason),
        pause: () => this.#setPaused(true, this.#pausedByServer),
        resume: () => this.#setPaused(false, this.#pausedByServer),
        get bufferedBytes() {
          return webSocket.bufferedAmount
        },
      },
      options,
    )
    webSocket.on('message', (data, isBinary) => {
      this.#missed = 0
      if (isBinary) this.session.received(data as Buffer)
      else this.session.receivedText()
      events.onHandled((data as Buffer).length)
    })
    webSocket.on('pong', () => {
      this.#missed = 0
    })
    // A violation of the WebSocket protocol: ws answers it and closes, `close` follows.
    webSocket.on('error', (error: NodeJS.ErrnoException) => {
      options.log.info({ code: error.code }, 'connection broke')
    })
    socket.on('drain', () => this.session.writable())
  }

  /** Holds reading back, or lets it go on, for the server as a whole. */
  hold(paused: boolean): void {
    this.#setPaused(this.#pausedBySession, paused)
    if (!paused) this.#missed = 0
  }

  /**
   * Pings, and cuts a peer that has not answered the last ones. While the server does not read, it
   * cannot see answers and does not count; a peer that does not read what it is sent is counted.
   */
  heartbeat(): void {
    const heard = !this.#pausedByServer || this.session.congested
    if (heard && this.#missed >= limits.heartbeatsMissedMax) {
      this.#events.onCut()
      this.cut()
      return
    }
    if (heard) this.#missed += 1
    this.#webSocket.ping()
  }

  cut(): void {
    this.session.disconnected()
    this.#webSocket.terminate()
  }

  #setPaused(bySession: boolean, byServer: boolean): void {
    this.#pausedBySession = bySession
    this.#pausedByServer = byServer
    if (bySession || byServer) this.#webSocket.pause()
    else this.#webSocket.resume()
  }
}

function sessionOptions(
  { catalog, ports, log, name }: IngestOptions,
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
