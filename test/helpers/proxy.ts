/**
 * A network between clients and a server that is as bad as it is told to be.
 *
 * What it holds back is held, not lost, as TCP would send it again; what is cut is gone, with all
 * that was on its way.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { systemScheduler } from '../../src/base/scheduler.ts'

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

export class Proxy {
  /** Where the server is; may change while nothing is connected. */
  target: { readonly hostname: string; readonly port: string } = { hostname: '', port: '' }
  readonly port: number
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  #isPartitioned = false
  #isDeaf = false
  #bytesPerSecond = Infinity
  /** Bytes of clients that still pass before everything is cut. */
  #bytesLeft = Infinity

  static async open(): Promise<Proxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Proxy(server)
  }

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (client) => this.#accept(client))
  }

  /** Nothing passes in either direction, and nobody is told. */
  partition(): void {
    this.#isPartitioned = true
    for (const { client, server } of this.#pairs) {
      client.pause()
      server.pause()
    }
  }

  /** What the server says is swallowed: clients never hear of what they have done. */
  deafen(): void {
    this.#isDeaf = true
  }

  throttle(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Cuts every connection when clients have sent so many more bytes, in the middle of a frame. */
  cutAfter(bytes: number): void {
    this.#bytesLeft = bytes
  }

  /** Cuts every connection now, with a RST to both sides. */
  reset(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
    this.#pairs.clear()
  }

  /** As good as new; connections that have missed something are cut. */
  heal(): void {
    if (this.#isDeaf) this.reset()
    this.#isPartitioned = false
    this.#isDeaf = false
    this.#bytesPerSecond = Infinity
    this.#bytesLeft = Infinity
    for (const { client, server } of this.#pairs) {
      client.resume()
      server.resume()
    }
  }

  async close(): Promise<void> {
    this.reset()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(client: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname)
    const pair = { client, server }
    this.#pairs.add(pair)
    client.on('data', (bytes) => {
      this.#bytesLeft -= bytes.length
      if (this.#bytesLeft >= 0) this.#pass(client, server, bytes)
      else {
        server.write(bytes.subarray(0, bytes.length + this.#bytesLeft))
        this.#bytesLeft = Infinity
        this.reset()
      }
    })
    server.on('data', (bytes) => {
      if (!this.#isDeaf) this.#pass(server, client, bytes)
    })
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => {})
      one.on('close', () => {
        this.#pairs.delete(pair)
        other.destroy()
      })
      if (this.#isPartitioned) one.pause()
    }
  }

  #pass(from: Socket, to: Socket, bytes: Buffer): void {
    to.write(bytes)
    if (this.#bytesPerSecond === Infinity) return
    from.pause()
    systemScheduler.after((bytes.length / this.#bytesPerSecond) * 1000, () => {
      if (!this.#isPartitioned) from.resume()
    })
  }
}
