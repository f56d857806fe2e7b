/**
 * A client of Redis that does what the peer needs: commands that stand ready, in a pipeline.
 *
 * What is written in one turn of the event loop goes out together. Replies are read as they come;
 * an error among them ends the connection.
 *
 * @see RESP2, redis.io/docs/latest/develop/reference/protocol-spec
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A simple string or an integer is text here, too. */
export type Reply = string | null | readonly Reply[]

interface Waiting {
  /** Replies that are still to come. */
  left: number
  readonly answered: (last: Reply) => void
}

export class RespClient {
  /** Rejects when the connection ends before it is closed. */
  readonly failed: Promise<never>
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  /** Of `#waiting`: those before it are answered. */
  #first = 0
  #rest: Buffer = Buffer.alloc(0)
  #isCorked = false

  private constructor(socket: Socket) {
    this.#socket = socket
    this.failed = new Promise((_, reject) => {
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('Redis has closed the connection')))
    })
    this.failed.catch(() => {})
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
  }

  /** @param path  Of the server's unix socket. */
  static async open(path: string): Promise<RespClient> {
    const socket = connect(path)
    await once(socket, 'connect')
    return new RespClient(socket)
  }

  /** Sends commands; their bytes must not change until the last of `replies` has come. */
  write(commands: Uint8Array, replies: number, answered: (last: Reply) => void): void {
    this.#waiting.push({ left: replies, answered })
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#isCorked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(commands)
  }

  async call(...words: readonly string[]): Promise<Reply> {
    const reply = new Promise<Reply>((resolve) => this.write(encodeCommand(words), 1, resolve))
    return await Promise.race([reply, this.failed])
  }

  close(): void {
    this.#socket.destroy()
  }

  #received(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    try {
      for (;;) {
        const parsed = parseReply(bytes, at)
        if (parsed === null) break
        at = parsed.end
        this.#reply(parsed.reply)
      }
    } catch (thrown) {
      this.#socket.destroy(thrown as Error)
    }
    this.#rest = bytes.subarray(at)
  }

  #reply(reply: Reply): void {
    const waiting = this.#waiting[this.#first]!
    waiting.left -= 1
    if (waiting.left > 0) return
    this.#first += 1
    if (this.#first === 1024) {
      this.#waiting.splice(0, this.#first)
      this.#first = 0
    }
    waiting.answered(reply)
  }
}

export function encodeCommand(words: readonly string[]): Buffer {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return Buffer.from(`*${words.length}\r\n${parts.join('')}`)
}

interface Parsed {
  readonly reply: Reply
  /** Behind it. */
  readonly end: number
}

const lineEnd = 0x0a

/** @returns null when the reply is not there as a whole. */
function parseReply(bytes: Buffer, at: number): Parsed | null {
  const end = bytes.indexOf(lineEnd, at) + 1
  if (end === 0) return null
  const text = bytes.toString('latin1', at + 1, end - 2)
  switch (String.fromCharCode(bytes[at]!)) {
    case '+':
    case ':':
      return { reply: text, end }
    case '$':
      return parseBulk(bytes, end, Number(text))
    case '*':
      return parseArray(bytes, end, Number(text))
    default:
      throw new Error(`Redis answers ${text}`)
  }
}

function parseBulk(bytes: Buffer, at: number, length: number): Parsed | null {
  if (length === -1) return { reply: null, end: at }
  const end = at + length + 2
  return end > bytes.length ? null : { reply: bytes.toString('latin1', at, end - 2), end }
}

function parseArray(bytes: Buffer, at: number, length: number): Parsed | null {
  const replies: Reply[] = []
  let end = at
  for (let n = 0; n < length; n++) {
    const parsed = parseReply(bytes, end)
    if (parsed === null) return null
    replies.push(parsed.reply)
    end = parsed.end
  }
  return { reply: replies, end }
}
