/**
 * What the client's tests share: time that moves by hand, a server that does what it is told, and
 * queues to wait on instead of sleeping.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { decode } from '@msgpack/msgpack'
import { WebSocketServer, type WebSocket } from 'ws'
import { ManualClock } from '../../src/base/clock.ts'
import { MillraceClient } from '../../src/client/client.ts'
import type { ClientStatus } from '../../src/client/connection.ts'
import type { Environment } from '../../src/client/environment.ts'
import type { ClientOptions } from '../../src/client/options.ts'
import * as protocol from '../../src/wire/protocol.ts'

/** Values that come one by one, and may be waited for. */
export class Queue<T> {
  readonly #values: T[] = []
  readonly #waiters: ((value: T) => void)[] = []

  push(value: T): void {
    const waiter = this.#waiters.shift()
    if (waiter === undefined) this.#values.push(value)
    else waiter(value)
  }

  next(): Promise<T> {
    const value = this.#values.shift()
    if (value !== undefined) return Promise.resolve(value)
    return new Promise((resolve) => {
      this.#waiters.push(resolve)
    })
  }

  async until(matches: (value: T) => boolean): Promise<T> {
    for (;;) {
      const value = await this.next()
      if (matches(value)) return value
    }
  }

  get length(): number {
    return this.#values.length
  }
}

/** Timers that run when a test says that time has passed. */
export class ManualTime implements Environment {
  readonly clock = new ManualClock(1_000_000)
  /** What `random` answers. */
  fraction = 0.5
  readonly #timers = new Map<symbol, { atMs: number; run: () => void }>()
  readonly #turns: (() => void)[] = []
  readonly #turnsEnd: 'by-hand' | 'by-themselves'

  /** @param turnsEnd  By themselves, where a test uses sockets. */
  constructor(turnsEnd: 'by-hand' | 'by-themselves' = 'by-hand') {
    this.#turnsEnd = turnsEnd
  }

  after(delayMs: number, run: () => void): () => void {
    const id = Symbol('timer')
    this.#timers.set(id, { atMs: this.clock.nowMs() + delayMs, run })
    return () => {
      this.#timers.delete(id)
    }
  }

  afterTurn(run: () => void): void {
    if (this.#turnsEnd === 'by-hand') this.#turns.push(run)
    else setImmediate(run)
  }

  random(): number {
    return this.fraction
  }

  /** Delays of the timers that are set, ms. */
  get delaysMs(): number[] {
    return [...this.#timers.values()].map((timer) => timer.atMs - this.clock.nowMs())
  }

  endTurn(): void {
    for (const run of this.#turns.splice(0)) run()
  }

  advance(ms: number): void {
    const endMs = this.clock.nowMs() + ms
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.atMs <= endMs)
      due.sort(([, a], [, b]) => a.atMs - b.atMs)
      const first = due[0]
      if (first === undefined) break
      this.#timers.delete(first[0])
      this.clock.set(Math.max(first[1].atMs, this.clock.nowMs()))
      first[1].run()
    }
    this.clock.set(endMs)
  }
}

export const limits: protocol.FrameLimits = {
  frameBytes: 4 * 1024 * 1024,
  batchEvents: 10_000,
  eventBytes: 65_536,
}

export const welcome: protocol.WelcomeFrame = {
  kind: 'welcome',
  version: 1,
  server: 'fake',
  producer: 'p',
  epoch: 1,
  isExpired: false,
  lastSequence: -1,
  credits: { events: 100_000, bytes: 16 * 1024 * 1024 },
  limits,
  heartbeatMs: 15_000,
  sources: [],
  services: [],
}

/** One connection, seen from the server. */
export class Peer {
  readonly frames = new Queue<protocol.ClientFrame>()
  readonly closed: Promise<number>
  readonly socket: WebSocket

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => {
      const frame = protocol.decodeClientFrame(data as Buffer)
      if (frame !== null) this.frames.push(frame)
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        resolve(code)
      })
    })
  }

  async hello(): Promise<protocol.HelloFrame> {
    return expectKind(await this.frames.next(), 'hello')
  }

  async publish(): Promise<protocol.PublishFrame> {
    return expectKind(await this.frames.next(), 'publish')
  }

  async read(): Promise<protocol.ReadFrame> {
    return expectKind(await this.frames.next(), 'read')
  }

  /** Waits for HELLO and answers it. */
  async welcome(fields: Partial<protocol.WelcomeFrame> = {}): Promise<protocol.HelloFrame> {
    const hello = await this.hello()
    const { producer } = hello
    const own = producer === null ? { producer, epoch: null, lastSequence: null } : { producer }
    this.socket.send(protocol.encodeWelcome({ ...welcome, ...own, ...fields }))
    return hello
  }

  ack(upTo: number, fields: Partial<protocol.AckFrame> = {}): void {
    const none = { credits: null, duplicates: 0, rejections: [] }
    this.socket.send(protocol.encodeAck({ ...none, ...fields, upTo }))
  }
}

/** A WebSocket server whose every frame a test sends itself. */
export class FakeServer implements AsyncDisposable {
  readonly peers = new Queue<Peer>()
  readonly #server: WebSocketServer

  constructor(server: WebSocketServer) {
    this.#server = server
    server.on('connection', (socket) => {
      this.peers.push(new Peer(socket))
    })
  }

  static async start(): Promise<FakeServer> {
    const server = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      handleProtocols: (offered) =>
        offered.has(protocol.subprotocol) ? protocol.subprotocol : false,
    })
    await once(server, 'listening')
    return new FakeServer(server)
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    await new Promise((resolve) => {
      this.#server.close(resolve)
    })
  }
}

/** A client and the server it connects to; both are closed at the end. */
export async function setUp(options: Partial<ClientOptions> = {}) {
  const server = await FakeServer.start()
  const time = new ManualTime('by-themselves')
  const statuses = new Queue<ClientStatus>()
  const onStatus = (status: ClientStatus): void => statuses.push(status)
  const client = new MillraceClient({ url: server.url, producer: 'p', onStatus, ...options }, time)
  return {
    server,
    client,
    time,
    reached: (state: ClientStatus['state']) => statuses.until((status) => status.state === state),
    /** The next connection, after the delay of the backoff. */
    async reconnected() {
      const { retryInMs } = await statuses.until((status) => status.state === 'waiting')
      time.advance(retryInMs!)
      return server.peers.next()
    },
    async [Symbol.asyncDispose]() {
      await client.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

export function expectKind<F extends protocol.ClientFrame, K extends F['kind']>(
  frame: F,
  kind: K,
): Extract<F, { kind: K }> {
  if (frame.kind !== kind) throw new Error(`expected ${kind}, got ${frame.kind}`)
  return frame as Extract<F, { kind: K }>
}

/** The events of a PUBLISH, decoded. */
export function eventsOf(frame: { readonly payload: Uint8Array }): unknown[] {
  const events = decode(frame.payload) as Uint8Array[]
  return events.map((event) => decode(event, { useBigInt64: true }))
}
