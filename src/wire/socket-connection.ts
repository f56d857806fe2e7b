/**
 * One WebSocket with its session, and what becomes of a peer that stands still.
 *
 * It is looked at a few times per heartbeat. Cut is who gives no sign of life, takes too long for
 * one message, or takes next to nothing of what it is sent; what is not read because we do not want
 * to read it is not counted. A message may be a slice of the chunk that was read from the socket
 * with others: nobody keeps it beyond the call that handles it.
 *
 * Thread: main.
 */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { MillraceError } from '../base/errors.ts'
import * as limits from '../base/limits.ts'
import { receivingBytes } from './receiving.ts'
import type { SessionOptions } from './session-options.ts'
import { Session } from './session.ts'
import type { MemoryHolder } from './wire-memory.ts'

export interface ConnectionEvents {
  /** It is cut without a close frame. */
  onCut(reason: 'HEARTBEAT' | 'OVERLOADED'): void
  /** The peer has broken the WebSocket protocol, or its socket broke; by ws's or Node's code. */
  onBroken(code: string): void
  /** A message of so many bytes has been handled. */
  onHandled(bytes: number): void
  /** So many bytes were read, or are to be sent. */
  onMoved(bytes: number): void
}

export interface LookOptions {
  /** Time between two looks, ms. */
  readonly lookMs: number
  /** Of every `looksPerHeartbeat` looks, the one that pings. */
  readonly phase: number
}

/** A WebSocket and the socket below it. */
export interface ConnectedSockets {
  readonly webSocket: WebSocket
  readonly socket: Duplex
}

export class SocketConnection implements MemoryHolder {
  readonly session: Session
  readonly #webSocket: WebSocket
  readonly #socket: Duplex
  readonly #events: ConnectionEvents
  readonly #options: LookOptions
  /** The session wants the socket not to be read. */
  #isPaused = false
  #isCut = false
  #looks = 0
  /** Looks without a sign of life; those that have seen the same message come; whole messages. */
  #silentLooks = 0
  #receivingLooks = 0
  #messages = 0
  #messagesSeen = 0
  /** Looks in a row at which next to nothing had been taken, and what then was left. */
  #stuckLooks = 0
  #sendingSeen = 0

  constructor(
    sockets: ConnectedSockets,
    session: SessionOptions,
    events: ConnectionEvents,
    options: LookOptions,
  ) {
    const { webSocket, socket } = sockets
    this.#webSocket = webSocket
    this.#socket = socket
    this.#events = events
    this.#options = options
    this.session = new Session(
      {
        send: (bytes) => {
          webSocket.send(bytes)
          events.onMoved(bytes.length)
        },
        close: (code, reason) => webSocket.close(code, reason),
        pause: () => this.#setPaused(true),
        resume: () => this.#setPaused(false),
        get bufferedBytes() {
          return webSocket.bufferedAmount
        },
      },
      session,
    )
    webSocket.on('message', (data, isBinary) => {
      this.#messages += 1
      this.#silentLooks = 0
      if (isBinary) this.session.received(data as Buffer)
      else this.session.receivedText()
      events.onHandled((data as Buffer).length)
    })
    webSocket.on('pong', () => {
      this.#silentLooks = 0
    })
    // A violation of the WebSocket protocol: ws answers it and closes, `close` follows.
    webSocket.on('error', (error: NodeJS.ErrnoException) => {
      session.log.info({ code: error.code }, 'connection broke')
      events.onBroken(error.code ?? 'INTERNAL')
    })
    socket.on('drain', () => this.session.writable())
    socket.on('data', (chunk: Buffer) => events.onMoved(chunk.length))
  }

  get receivingBytes(): number {
    return this.#isCut ? 0 : receivingBytes(this.#webSocket)
  }

  get receivingAge(): number {
    return this.#receivingLooks
  }

  get sendingBytes(): number {
    return this.#isCut ? 0 : this.#webSocket.bufferedAmount
  }

  /** Looks at the peer, and pings it now and then. */
  look(): void {
    // ws sees to the end of its closing handshake.
    if (this.session.state === 'closed') return
    const isCongested = this.session.congested
    if (!this.#isPaused || isCongested) this.#silentLooks += 1
    if (this.#silentLooks >= limits.silentLooksMax) {
      this.#cut('HEARTBEAT')
      return
    }
    if (!this.#isPaused) this.#lookAtReceiving()
    if (isCongested) this.#lookAtSending()
    else this.#stuckLooks = 0
    this.#looks += 1
    if (this.#looks % limits.looksPerHeartbeat === this.#options.phase) this.#webSocket.ping()
  }

  cut(): void {
    this.#isCut = true
    this.session.disconnected()
    this.#webSocket.terminate()
  }

  cutOverloaded(): void {
    this.#cut('OVERLOADED')
  }

  #cut(reason: 'HEARTBEAT' | 'OVERLOADED'): void {
    this.#events.onCut(reason)
    this.cut()
  }

  #lookAtReceiving(): void {
    const isSame = this.#messages === this.#messagesSeen
    this.#messagesSeen = this.#messages
    if (this.receivingBytes === 0) this.#receivingLooks = 0
    else this.#receivingLooks = isSame ? this.#receivingLooks + 1 : 1
    const timeoutMs = limits.messageTimeoutMs
    if (this.#receivingLooks * this.#options.lookMs < timeoutMs) return
    this.session.fail(new MillraceError('MESSAGE_TIMEOUT', { timeoutMs }))
    // Its half of the closing handshake would be read as a part of the message.
    this.#socket.end()
  }

  #lookAtSending(): void {
    const taken = this.#sendingSeen - this.sendingBytes
    this.#sendingSeen = this.sendingBytes
    this.#stuckLooks = taken < limits.sendProgressBytesMin ? this.#stuckLooks + 1 : 0
    if (this.#stuckLooks < limits.stuckLooksMax) return
    this.session.fail(new MillraceError('OVERLOADED'))
  }

  #setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused
    if (isPaused) this.#webSocket.pause()
    else this.#webSocket.resume()
  }
}
