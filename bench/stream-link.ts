/**
 * A WebSocket connection that reads: sends READ frames that are encoded and masked already, and
 * looks no further into an answer than its kind and its id.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { maskedMessage } from '../src/load/message.ts'
import { encodeHello, streamPath, subprotocol } from '../src/wire/protocol.ts'

/** What hears of it. */
export interface StreamListener {
  /** FEATURES with the id of a READ: the whole frame. */
  features(id: number, frame: Buffer): void
  failed(error: Error): void
}

export interface StreamLink {
  /** Sends a whole masked message. */
  send(message: Uint8Array): void
  close(): void
}

/** First bytes of FEATURES and of WELCOME: an array, and the type. */
const featuresHead = 0x930b
const welcomeHead = 0x9202

/** Opens a connection that only reads; resolves when it is welcome. */
export function openStream(url: string, listener: StreamListener): Promise<StreamLink> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${streamPath}`, subprotocol, {
    perMessageDeflate: false,
  })
  let stream: Socket | null = null
  let isClosed = false
  socket.on('upgrade', (response: IncomingMessage) => {
    stream = response.socket
  })
  socket.on('open', () => {
    stream!.write(maskedMessage(encodeHello({ producer: null, epoch: null })))
  })
  return new Promise((resolve, reject) => {
    const link: StreamLink = {
      send: (message) => stream!.write(message),
      close() {
        isClosed = true
        socket.terminate()
      },
    }
    const fail = (error: Error): void => {
      if (isClosed) return
      reject(error)
      listener.failed(error)
    }
    socket.on('message', (data: Buffer) => {
      const head = data.readUInt16BE(0)
      if (head === featuresHead) listener.features(idOf(data), data)
      else if (head === welcomeHead) resolve(link)
      else fail(new Error(`unexpected frame: ${data.toString('latin1', 0, 200)}`))
    })
    socket.on('error', fail)
    socket.on('close', (code) => fail(new Error(`closed: ${code}`)))
  })
}

/** The id is a msgpack integer of up to four bytes. */
function idOf(frame: Buffer): number {
  const first = frame[2]!
  if (first < 0x80) return first
  return first === 0xcc ? frame[3]! : first === 0xcd ? frame.readUInt16BE(3) : frame.readUInt32BE(3)
}
