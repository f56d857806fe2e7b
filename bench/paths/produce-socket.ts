/**
 * What a WebSocket costs a sender beside the socket: frames of one size, written as messages that
 * are ready, sent by `ws` without a mask, and sent by `ws` as any client must, masked.
 *
 * Each way does what the one before does and a step more. Whoever receives them drops them.
 */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { maskedMessage } from '../../src/load/message.ts'

export type Way = 'written' | 'framed' | 'masked'

/** Bytes that a socket may hold back before the next frame waits. */
const backlogBytesMax = 4 * 1024 * 1024

/**
 * Connects, for a way of sending.
 *
 * @returns what sends a frame so many times, until the system has all of it.
 */
export async function openSender(url: string, way: Way, frame: Uint8Array) {
  let stream: Socket | null = null
  const socket = new WebSocket(`${url}/dropped`, {
    perMessageDeflate: false,
    // With a mask of zeros nothing is masked, and nothing copied.
    ...(way === 'framed' && { generateMask: (mask: Buffer) => mask.fill(0) }),
  })
  socket.on('upgrade', (response: IncomingMessage) => (stream = response.socket))
  await once(socket, 'open')
  const message = maskedMessage(frame)
  return {
    async send(times: number): Promise<void> {
      for (let n = 0; n < times; n++) {
        if (way === 'written') stream!.write(message)
        else socket.send(frame)
        if (stream!.writableLength > backlogBytesMax) await once(stream!, 'drain')
      }
      await new Promise((resolve) => {
        socket.ping(undefined, true, resolve)
      })
    },
    close: () => socket.terminate(),
  }
}
