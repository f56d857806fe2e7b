/**
 * The process of the peer `sink`: a `ws` server that reads, answers, and does nothing else.
 *
 * Either each message is answered, or those of one turn of the event loop together, once for each
 * connection.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { answerParent, childArgument } from './child.ts'
import type { Answers, Taken } from './sink.ts'

const answers = childArgument() as Answers
let messages = 0
let bytes = 0

function serve(socket: WebSocket): void {
  let taken = 0
  let isDue = false
  const answer = (): void => {
    isDue = false
    const count = Buffer.allocUnsafe(4)
    count.writeUInt32BE(taken)
    socket.send(count)
  }
  socket.on('message', (data: Buffer) => {
    messages += 1
    bytes += data.length
    taken += 1
    if (answers === 'each') answer()
    else if (!isDue) setImmediate(answer)
    isDue = true
  })
}

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
server.on('connection', serve)
await once(server, 'listening')
const { port } = server.address() as AddressInfo
answerParent(`ws://127.0.0.1:${port}`, () => ({ messages, bytes }) satisfies Taken)
