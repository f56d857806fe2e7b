/**
 * One keep-alive connection to an HTTP server, over bare sockets: requests that are encoded
 * already, one at a time, and of an answer only its status and where it ends.
 *
 * A client of Node's own would cost more than the server that is measured.
 */
import { connect, type Socket } from 'node:net'

/** Room for what one read of the socket brings. */
const chunkBytes = 64 * 1024

const headEnd = Buffer.from('\r\n\r\n')
const lengthName = Buffer.from('content-length: ')
const statusOk = Buffer.from('HTTP/1.1 200 ')

/** What hears of it. */
export interface HttpListener {
  /** The body is valid until the call returns. */
  answered(body: Buffer): void
  failed(error: Error): void
}

export class HttpConnection {
  readonly #socket: Socket
  readonly #listener: HttpListener
  /** What has come of the answer that is not whole yet. */
  #partial: Buffer | null = null

  static async open(url: string, listener: HttpListener): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const connection = new HttpConnection(new URL(url), listener)
      connection.#socket.once('connect', () => resolve(connection)).once('error', reject)
    })
  }

  private constructor({ hostname, port }: URL, listener: HttpListener) {
    this.#listener = listener
    const onread = {
      buffer: Buffer.allocUnsafe(chunkBytes),
      callback: (length: number, buffer: Uint8Array) => {
        this.#received(buffer.subarray(0, length) as Buffer)
        return true
      },
    }
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true, onread })
    this.#socket.on('error', (error) => listener.failed(error))
    this.#socket.on('close', () => listener.failed(new Error('the server has closed')))
  }

  send(request: Buffer): void {
    this.#socket.write(request)
  }

  close(): void {
    this.#socket.destroy()
  }

  #received(chunk: Buffer): void {
    const bytes = this.#partial === null ? chunk : Buffer.concat([this.#partial, chunk])
    const end = bytes.indexOf(headEnd)
    const bodyAt = end + headEnd.length
    const length = end === -1 ? Infinity : bodyLength(bytes)
    if (bodyAt + length > bytes.length) {
      // Its bytes are written over by the next read.
      this.#partial = Buffer.from(bytes)
      return
    }
    this.#partial = null
    if (!bytes.subarray(0, statusOk.length).equals(statusOk)) {
      this.#listener.failed(new Error(`unexpected answer: ${bytes.toString('latin1', 0, 500)}`))
      return
    }
    this.#listener.answered(bytes.subarray(bodyAt, bodyAt + length))
  }
}

/** Of an answer whose head is whole. */
function bodyLength(bytes: Buffer): number {
  let length = 0
  for (let at = bytes.indexOf(lengthName) + lengthName.length; ; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) return length
    length = length * 10 + digit
  }
}
