/**
 * The door on a free port, over an intake and a reader that a test fills, and clients that keep
 * what they are sent.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { WebSocket, type ClientOptions } from 'ws'
import * as protocol from '../../src/wire/protocol.ts'
import type { ServerFrame } from '../../src/wire/protocol.ts'
import { attachIngest, type ConnectionLimits } from '../../src/wire/websocket.ts'
import { FakeIngest, FakeReader, smallCatalog } from './fake-ports.ts'
import { ManualScheduler } from './manual-scheduler.ts'

export const event = new Uint8Array([0x81, 0xa1, 0x61, 0x01])

/** A server of this test, gone with it. `soon` is real, other timers fire when told. */
export async function serve(t: TestContext, limits: Partial<ConnectionLimits> = {}) {
  const server = createServer()
  const ingest = new FakeIngest()
  const read = new FakeReader()
  const scheduler = new ManualScheduler()
  const door = attachIngest({
    server,
    catalog: smallCatalog,
    ports: { ingest, read },
    log: { info: () => {}, error: (fields) => assert.fail(String(Object.values(fields))) },
    name: 'millrace/test',
    admission: { allowedOrigins: ['https://ours.example'], hostNames: null },
    limits,
    scheduler: {
      soon: setImmediate,
      after: (delayMs, run) => scheduler.after(delayMs, run),
      every: (periodMs, run) => scheduler.every(periodMs, run),
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    door.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { door, ingest, read, scheduler, port, url: `ws://127.0.0.1:${port}/v1/stream` }
}

/** A client that keeps what it is sent; `next` waits for what is not there yet. */
export class Client {
  readonly socket: WebSocket
  readonly #frames: ServerFrame[] = []
  #wake: () => void = () => {}
  readonly closed: Promise<{ code: number; reason: string }>

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, protocol.subprotocol, options)
    this.socket.on('message', (data: Buffer) => {
      this.#frames.push(protocol.decodeServerFrame(data)!)
      this.#wake()
    })
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
  }

  static async open(
    url: string,
    producer: string | null,
    options: ClientOptions = {},
  ): Promise<Client> {
    const client = new Client(url, options)
    await once(client.socket, 'open')
    client.socket.send(protocol.encodeHello({ producer, epoch: null }))
    const welcome = await client.next()
    assert.equal(welcome.kind, 'welcome')
    return client
  }

  async next(): Promise<ServerFrame> {
    while (this.#frames.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#frames.shift()!
  }

  /** Writes bytes below the WebSocket, as they are. */
  write(bytes: Uint8Array): void {
    this.tcp.write(bytes)
  }

  get tcp(): Socket {
    // oxlint-disable-next-line no-underscore-dangle
    return (this.socket as unknown as { _socket: Socket })._socket
  }

  publish(sequence: number): void {
    this.socket.send(protocol.encodePublish('impressions', sequence, [event]))
  }
}
