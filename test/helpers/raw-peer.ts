/**
 * A connection that says exactly what a test wants, right or wrong: frames as arrays, on a plain
 * WebSocket.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { decode, encode } from '@msgpack/msgpack'
import { WebSocket, type ClientOptions } from 'ws'
import { Queue } from '../client/support.ts'

/** A frame as it is decoded: its type and its fields. */
export type RawFrame = readonly [type: number, ...fields: unknown[]]

/** What a test looks at of a WELCOME. */
interface RawWelcome {
  readonly epoch: number
  readonly lastSeq: number
  readonly expired?: boolean
}

export interface RawAck {
  readonly upTo: number
  readonly duplicates: number
  /** `[sequence, code, path]` */
  readonly rejects: readonly (readonly [number, string, string])[]
}

type AckFields = { duplicates?: number; rejects?: [number, string, string, string][] }

export class RawPeer {
  readonly socket: WebSocket
  readonly frames = new Queue<RawFrame>()
  /** The close code, once the connection has ended. */
  readonly closed: Promise<number>

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer) => this.frames.push(decode(data) as unknown as RawFrame))
    this.closed = new Promise((resolve) => {
      socket.on('close', resolve)
    })
  }

  /** Connects and says HELLO; `welcome` is the map of the answer. Rejects with the close code. */
  static async open(
    t: Pick<TestContext, 'after'>,
    url: string,
    producer: string | null,
    epoch: number | null = null,
    options: ClientOptions = {},
  ) {
    const stream = `${url.replace('http', 'ws')}/v1/stream`
    const socket = new WebSocket(stream, 'millrace.v1+msgpack', options)
    t.after(() => socket.terminate())
    await once(socket, 'open')
    const peer = new RawPeer(socket)
    socket.on('error', () => {})
    peer.send(1, { v: 1, producer, epoch })
    const refused = peer.closed.then((code) => Promise.reject(new Error(String(code))))
    const [type, welcome] = await Promise.race([peer.frames.next(), refused])
    refused.catch(() => {})
    assert.equal(type, 2)
    return { peer, welcome: welcome as RawWelcome }
  }

  send(...frame: unknown[]): void {
    this.socket.send(encode(frame))
  }

  /** Publishes events, each as its msgpack bytes if it is not bytes already. */
  publish(source: string, sequence: number, events: readonly unknown[]): void {
    const bins = events.map((event) => (event instanceof Uint8Array ? event : encode(event)))
    this.send(3, source, sequence, bins)
  }

  /** The next frame, which must be of a type. */
  async next(type: number): Promise<readonly unknown[]> {
    const [got, ...fields] = await this.frames.next()
    assert.equal(got, type, JSON.stringify(fields))
    return fields
  }

  /** Everything that is acknowledged until `sequence` is. */
  async acked(sequence: number): Promise<RawAck> {
    const rejects: [number, string, string][] = []
    let [upTo, duplicates] = [-1, 0]
    while (upTo < sequence) {
      const [ackedUpTo, fields] = (await this.next(4)) as [number, AckFields]
      upTo = ackedUpTo
      duplicates += fields.duplicates ?? 0
      for (const [at, code, path] of fields.rejects ?? []) rejects.push([at, code, path])
    }
    return { upTo, duplicates, rejects }
  }

  /** The raw TCP socket below. */
  get tcp(): Socket {
    // oxlint-disable-next-line no-underscore-dangle
    return (this.socket as unknown as { _socket: Socket })._socket
  }
}
