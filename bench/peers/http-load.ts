/**
 * A closed loop of one and the same GET over keep-alive connections, as cheap as it can be.
 *
 * A request is bytes that stand ready. Every answer has as many bytes as the first, so that it has
 * come when they have; each is then compared, all but its head.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { runLoop } from './loop.ts'

export interface HttpLoadOptions {
  readonly url: URL
  readonly connections: number
  /** The body of every answer. */
  readonly answer: string
  /** Not measured at the start, ms. */
  readonly warmupMs: number
  /** Measured, ms. */
  readonly measuredMs: number
}

export interface HttpLoadOutcome {
  /** Answered in the measured time. */
  readonly requests: number
  readonly measuredMs: number
}

/** Rejects when an answer is another one, or a connection ends. */
export async function runHttpLoad(options: HttpLoadOptions): Promise<HttpLoadOutcome> {
  const { url, connections, answer, warmupMs, measuredMs } = options
  const request = Buffer.from(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`)
  let fail!: (error: Error) => void
  const failed = new Promise<never>((_, reject) => (fail = reject))
  failed.catch(() => {})
  const lanes = await Promise.all(
    Array.from({ length: connections }, () => openLane(url, Buffer.from(answer), fail)),
  )
  try {
    const { measured, measuredMs: ms } = await runLoop(
      {
        lanes: connections,
        warmupMs,
        measuredMs,
        count: 0,
        start: (_, lane, done) => lanes[lane]!.ask(request, done),
      },
      failed,
    )
    return { requests: measured, measuredMs: ms }
  } finally {
    for (const { socket } of lanes) socket.destroy()
  }
}

interface Lane {
  readonly socket: Socket
  /** Sends a request; `done` when its answer has come as a whole. */
  ask(request: Buffer, done: () => void): void
}

async function openLane(url: URL, body: Buffer, fail: (error: Error) => void): Promise<Lane> {
  const socket = connect(Number(url.port), url.hostname)
  socket.setNoDelay(true)
  await once(socket, 'connect')
  let received: Buffer = Buffer.alloc(0)
  let done: () => void = () => {}
  /** Of an answer; 0 before the first. */
  let bytes = 0
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    if (bytes === 0) bytes = answerBytes(received)
    if (bytes === 0 || received.length < bytes) return
    const isRight =
      received.length === bytes &&
      received.compare(body, 0, body.length, bytes - body.length) === 0 &&
      received.compare(ok, 0, ok.length, 0, ok.length) === 0
    if (!isRight) fail(new Error(`${url.href} answers ${received.toString()}`))
    received = Buffer.alloc(0)
    done()
  })
  socket.on('error', fail)
  socket.on('close', () => fail(new Error(`${url.href} has closed the connection`)))
  return {
    socket,
    ask(request, onAnswer) {
      done = onAnswer
      socket.write(request)
    },
  }
}

const ok = Buffer.from('HTTP/1.1 200 ')

/** Head and body; 0 when the head has not come as a whole. */
function answerBytes(received: Buffer): number {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return 0
  const head = received.toString('latin1', 0, headEnd)
  return headEnd + 4 + Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0)
}
