/**
 * Keeps one WebSocket to a server open: connects, greets, listens, and connects again.
 *
 * In: frames to send. Out: decoded frames, and word of every connection that opens and ends. A
 * connection counts as open from WELCOME on. When it ends, the next attempt follows after a delay
 * with backoff and jitter, unless the server's close code or HTTP status says that trying again
 * cannot help: then the connection has failed for good.
 */
import { WebSocket } from 'ws'
import { MillraceError, printable, reasonOf } from '../base/errors.ts'
import {
  decodeServerFrame,
  encodeBye,
  encodeHello,
  subprotocol,
  type ServerFrame,
  type WelcomeFrame,
} from '../wire/protocol.ts'
import { backoffMs, backoffMsMax } from './backoff.ts'
import type { Environment } from './environment.ts'

/** Where a connection stands, as {@link ClientStatus} tells it. */
export type ConnectionState =
  'idle' | 'connecting' | 'connected' | 'leaving' | 'waiting' | 'closed' | 'failed'

/** How a client's connection is doing. */
export interface ClientStatus {
  /**
   * `idle`: nothing needed a connection yet. `leaving`: the server is going away, nothing new is
   * sent. `waiting`: not connected, the next attempt follows. `closed` and `failed` are final.
   */
  readonly state: ConnectionState
  /** Why the last connection ended; `''` while there is nothing to tell. */
  readonly reason: string
  /** Time until the next attempt, ms; only while `waiting`. */
  readonly retryInMs: number | null
}

/** Who is calling. */
export interface Hello {
  /** Null for a connection that only reads. */
  readonly producer: string | null
  /** The epoch to resume; null for a new one. */
  readonly epoch: number | null
  readonly incarnation?: string
}

/** What a connection needs of its owner, and tells it. */
export interface ConnectionOwner {
  /** Who is calling; asked at every attempt. */
  hello(): Hello
  connected(welcome: WelcomeFrame): void
  received(frame: Exclude<ServerFrame, WelcomeFrame>): void
  /** Nothing can be sent until the next `connected`. */
  disconnected(): void
  /** An attempt has ended before WELCOME: `CLIENT_UNREACHABLE`. The next one follows. */
  unreachable(error: MillraceError): void
  /** There will be no further connection. */
  failed(error: MillraceError): void
  statusChanged(status: ClientStatus): void
}

/** Close codes after which the same client would be refused again, or send the same bytes again. */
const fatalCloseCodes = new Set([
  1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403, 4406, 4409, 4410, 4413, 4422,
])

/**
 * Silence after which a connection is taken for dead, ms, until WELCOME says more. WELCOME itself
 * may take longer, when the server's disk is slow: a client that then asked for another epoch would
 * only wait again. As long as the server pings, its answer is awaited.
 */
const silenceMsMax = 35_000

/** Time from an attempt to a connection that has been upgraded, ms. */
const connectTimeoutMs = 10_000

/** Time that the server has to close a connection that we close, ms. */
const closeTimeoutMs = 2000

/** Bytes of one answer. */
const answerBytesMax = 256 * 1024 * 1024

/** Where a server is. */
export interface Endpoint {
  readonly url: string
  /** To come with; null where it asks for none. */
  readonly apiKey: string | null
}

export class Connection {
  readonly #endpoint: Endpoint
  readonly #owner: ConnectionOwner
  readonly #environment: Environment
  readonly #sdk: string
  #status: ClientStatus = { state: 'idle', reason: '', retryInMs: null }
  #socket: WebSocket | null = null
  #failures = 0
  #silenceMsMax = silenceMsMax
  #heardMs = 0
  #stopTimer: () => void = () => {}
  #stopDeadline: () => void = () => {}

  constructor(endpoint: Endpoint, sdk: string, owner: ConnectionOwner, environment: Environment) {
    this.#endpoint = endpoint
    this.#sdk = sdk
    this.#owner = owner
    this.#environment = environment
  }

  get status(): ClientStatus {
    return this.#status
  }

  /** Starts the first attempt, if nothing has started it before. */
  open(): void {
    if (this.#status.state === 'idle') this.#connect()
  }

  /** Sends a frame on the open connection; the bytes must not change until it is answered. */
  send(frame: Uint8Array): void {
    this.#socket?.send(frame)
  }

  /** Leaves the present connection and greets again, at once. */
  restart(): void {
    const { state } = this.#status
    if (state === 'idle' || state === 'closed' || state === 'failed') return
    this.#drop(1000)
    this.#failures = 0
    this.#connect()
  }

  /** Closes for good, with BYE on an open connection; resolves when the socket is closed. */
  async close(): Promise<void> {
    const socket = this.#socket
    const { state } = this.#status
    if (state === 'connected' || state === 'leaving') socket?.send(encodeBye())
    if (state !== 'failed') this.#setStatus('closed', '')
    this.#drop(1000)
    if (socket === null || socket.readyState === WebSocket.CLOSED) return
    await new Promise((resolve) => {
      socket.once('close', resolve)
    })
  }

  /** Ends it for good, because of what is not the server's doing. */
  fail(error: MillraceError): void {
    const { state } = this.#status
    if (state === 'closed' || state === 'failed') return
    this.#drop(1000)
    this.#setStatus('failed', error.message)
    this.#owner.failed(error)
  }

  #connect(): void {
    const { url, apiKey } = this.#endpoint
    const socket = new WebSocket(url, subprotocol, {
      headers: apiKey === null ? {} : { authorization: `Bearer ${apiKey}` },
      perMessageDeflate: false,
      maxPayload: answerBytesMax,
    })
    this.#socket = socket
    this.#silenceMsMax = silenceMsMax
    let reason = ''
    let retryAfterMs = 0
    const isCurrent = (): boolean => this.#socket === socket
    socket.on('open', () => {
      if (!isCurrent()) return
      socket.send(encodeHello({ ...this.#owner.hello(), sdk: this.#sdk }))
      this.#stopTimer()
      this.#heard()
      this.#watch()
    })
    socket.on('message', (data, isBinary) => {
      if (isCurrent()) this.#message(data as Buffer, isBinary)
    })
    socket.on('ping', () => {
      if (isCurrent()) this.#heard()
    })
    socket.on('unexpected-response', (_request, response) => {
      const status = response.statusCode ?? 0
      reason = `HTTP status ${status}`
      retryAfterMs = 1000 * Number(response.headers['retry-after'] ?? 0) || 0
      // The server answers; only what it says about time is worth another attempt.
      const isFinal = status >= 400 && status < 500 && ![408, 425, 429].includes(status)
      if (isFinal && isCurrent()) this.#fail(reason)
      socket.terminate()
    })
    socket.on('error', (error) => {
      if (reason === '') reason = socketReason(error)
    })
    socket.on('close', (code, text) => {
      if (!isCurrent()) return
      const told = text.length > 0 ? printable(text.toString()) : reason
      this.#ended(code, told === '' ? `close code ${code}` : told, retryAfterMs)
    })
    this.#setStatus('connecting', this.#status.reason)
    this.#stopTimer = this.#environment.after(connectTimeoutMs, () => {
      this.#lose(`no connection within ${connectTimeoutMs} ms`)
    })
  }

  #message(data: Buffer, isBinary: boolean): void {
    this.#heard()
    try {
      if (!isBinary) throw new MillraceError('FRAME_TEXT')
      const frame = decodeServerFrame(data)
      if (frame === null) return
      if (frame.kind === 'welcome') this.#welcome(frame)
      else {
        // Not WELCOME alone: a server that greets and then refuses must be left in peace, too.
        this.#failures = 0
        if (frame.kind === 'goaway') this.#goaway(frame.reason, frame.deadlineMs)
        this.#owner.received(frame)
      }
    } catch (thrown) {
      this.#fail(reasonOf(thrown), thrown)
    }
  }

  #welcome(welcome: WelcomeFrame): void {
    this.#stopTimer()
    if (welcome.heartbeatMs > 0) this.#silenceMsMax = 2 * welcome.heartbeatMs + 5000
    this.#watch()
    this.#setStatus('connected', '')
    this.#owner.connected(welcome)
  }

  /** Sends nothing new from here on; the server closes when it has acknowledged all. */
  #goaway(reason: string, deadlineMs: number): void {
    if (this.#status.state !== 'connected') return
    this.#setStatus('leaving', printable(reason))
    this.#owner.disconnected()
    this.#stopDeadline = this.#environment.after(deadlineMs, () => {
      this.#lose('the server has gone away')
    })
  }

  #heard(): void {
    this.#heardMs = this.#environment.clock.monotonicMs()
  }

  /** Ends a connection on which nothing has been heard for too long. */
  #watch(): void {
    const silentMs = this.#environment.clock.monotonicMs() - this.#heardMs
    if (silentMs >= this.#silenceMsMax) {
      this.#lose(`nothing heard for ${this.#silenceMsMax} ms`)
      return
    }
    if (silentMs > 0 && this.#status.state !== 'connecting') this.#failures = 0
    const leftMs = this.#silenceMsMax - silentMs
    this.#stopTimer = this.#environment.after(leftMs, () => this.#watch())
  }

  /** Gives the present connection up. */
  #lose(reason: string): void {
    this.#socket?.terminate()
    this.#ended(1006, reason)
  }

  /** The present connection has ended: waits and tries again, unless that cannot help. */
  #ended(code: number, reason: string, retryAfterMs = 0): void {
    if (fatalCloseCodes.has(code)) {
      this.#fail(reason)
      return
    }
    const isAttempt = this.#status.state === 'connecting'
    this.#drop(1000)
    this.#failures += 1
    const jitterMs = backoffMs(this.#failures, this.#environment.random())
    const delayMs = jitterMs + Math.min(Math.max(retryAfterMs, 0), backoffMsMax)
    this.#stopTimer = this.#environment.after(delayMs, () => this.#connect())
    this.#setStatus('waiting', reason, delayMs)
    if (!isAttempt) return
    const url = withoutSecrets(this.#endpoint.url)
    this.#owner.unreachable(new MillraceError('CLIENT_UNREACHABLE', { url, reason }))
  }

  #fail(reason: string, cause?: unknown): void {
    this.#drop(1002)
    this.#setStatus('failed', reason)
    const isNamed = cause instanceof MillraceError && cause.code.startsWith('CLIENT_')
    this.#owner.failed(isNamed ? cause : new MillraceError('CLIENT_REFUSED', { reason }, { cause }))
  }

  /** Lets go of the present socket and of every timer. */
  #drop(code: number): void {
    this.#stopTimer()
    this.#stopDeadline()
    const socket = this.#socket
    this.#socket = null
    if (socket === null) return
    this.#owner.disconnected()
    if (socket.readyState === WebSocket.CONNECTING) socket.terminate()
    if (socket.readyState === WebSocket.CLOSED) return
    socket.close(code)
    const stop = this.#environment.after(closeTimeoutMs, () => socket.terminate())
    socket.once('close', stop)
  }

  #setStatus(state: ConnectionState, reason: string, retryInMs: number | null = null): void {
    this.#status = { state, reason, retryInMs }
    this.#owner.statusChanged(this.#status)
  }
}

/** A host with several addresses fails with an error of its own that only lists theirs. */
function socketReason(error: Error): string {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error]
  return errors.map(reasonOf).join(', ')
}

/** An error is logged: it tells where, not the password or the token that opens it. */
function withoutSecrets(text: string): string {
  const { protocol, host, pathname } = new URL(text)
  return `${protocol}//${host}${pathname}`
}
