/**
 * A WebSocket by hand: frames of RFC 6455 with every bit as a test wants it, and what the server
 * makes of them.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { openSocket, parseAnswer, type RawAnswer } from './raw-http.ts'

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

interface Bits {
  readonly fin?: boolean
  /** The three reserved bits: 4, 2, 1. */
  readonly rsv?: number
  readonly masked?: boolean
  /** The length that the head claims, when it is not that of the payload. */
  readonly declared?: bigint
}

/** One frame; the mask is of zeros, so that the payload stays readable. */
export function frame(opcode: number, payload: Uint8Array | string = '', bits: Bits = {}): Buffer {
  const bytes = Buffer.from(payload)
  const { fin = true, rsv = 0, masked = true, declared = BigInt(bytes.length) } = bits
  const head = Buffer.alloc(10)
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const mask = masked ? 0x80 : 0
  let length = 2
  if (declared < 126n) head[1] = mask | Number(declared)
  else if (declared < 65_536n) {
    head[1] = mask | 126
    head.writeUInt16BE(Number(declared), 2)
    length = 4
  } else {
    head[1] = mask | 127
    head.writeBigUInt64BE(declared, 2)
    length = 10
  }
  return Buffer.concat([head.subarray(0, length), Buffer.alloc(masked ? 4 : 0), bytes])
}

/** A CLOSE frame's payload. */
export function closing(code: number, reason: Uint8Array | string = ''): Buffer {
  const payload = Buffer.alloc(2)
  payload.writeUInt16BE(code)
  return Buffer.concat([payload, Buffer.from(reason)])
}

const standardHeaders = {
  Host: '127.0.0.1',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol': 'millrace.v1+msgpack',
}

/** An upgrade request; a header of `null` is left out. */
export function upgradeRequest(
  headers: Readonly<Record<string, string | null>> = {},
  start = 'GET /v1/stream',
): string {
  const lines = Object.entries({ ...standardHeaders, ...headers }).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}\r\n`],
  )
  return `${start} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** How a connection ended: the code of the server's CLOSE, or `cut` without one. */
export type Outcome = number | 'cut'

async function cut(socket: Socket): Promise<never> {
  await once(socket, 'close')
  throw new Error('the socket was closed before the handshake')
}

/** A socket after the handshake. */
export class RawWebSocket {
  readonly socket: Socket
  readonly answer: RawAnswer
  /** Resolves with the server's CLOSE, or the end of the socket. */
  readonly outcome: Promise<Outcome>
  #bytes: Buffer

  private constructor(socket: Socket, answer: RawAnswer, rest: Buffer) {
    this.socket = socket
    this.answer = answer
    this.#bytes = rest
    this.outcome = new Promise((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        this.#bytes = Buffer.concat([this.#bytes, chunk])
        const code = this.#closeCode()
        if (code !== null) resolve(code)
      })
      socket.on('end', () => resolve('cut'))
      socket.on('close', () => resolve('cut'))
    })
  }

  static async open(
    port: number,
    headers: Readonly<Record<string, string | null>> = {},
  ): Promise<RawWebSocket> {
    const socket = await openSocket(port)
    socket.on('error', () => {})
    socket.write(upgradeRequest(headers))
    let bytes = Buffer.alloc(0)
    while (!bytes.includes('\r\n\r\n')) {
      const [chunk] = (await Promise.race([once(socket, 'data'), cut(socket)])) as [Buffer]
      bytes = Buffer.concat([bytes, chunk])
    }
    const end = bytes.indexOf('\r\n\r\n') + 4
    const answer = parseAnswer(bytes.toString('latin1', 0, end))
    return new RawWebSocket(socket, answer, bytes.subarray(end))
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames))
  }

  /** Steps over the server's frames, which are whole and not masked; null before its CLOSE. */
  #closeCode(): number | null {
    for (;;) {
      const short = this.#bytes.length < 2 ? 0 : this.#bytes[1]! & 0x7f
      const head = short < 126 ? 2 : short === 126 ? 4 : 10
      if (this.#bytes.length < head) return null
      let size = short
      if (short === 126) size = this.#bytes.readUInt16BE(2)
      if (short === 127) size = Number(this.#bytes.readBigUInt64BE(2))
      if (this.#bytes.length < head + size) return null
      if ((this.#bytes[0]! & 0x0f) === opcodes.close) {
        return size === 0 ? 1005 : this.#bytes.readUInt16BE(head)
      }
      this.#bytes = this.#bytes.subarray(head + size)
    }
  }
}
