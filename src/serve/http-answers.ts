/**
 * The memory of answers that wait to be read by their peers: bounded over all of them.
 *
 * An answer of thousands of keys is megabytes, and a peer that asks and does not read leaves them
 * here for as long as its socket may stand still. Beyond the bound, the answers that have been
 * waiting for longest are cut with their sockets: whoever reads is soon done.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { httpAnswersBytesMax } from '../base/http-limits.ts'

/** Smaller answers are not looked at: there are no more than connections. */
const countedBytesMin = 64 * 1024

/** From here on, no more than so many bytes wait. */
export function addAnswers(app: FastifyInstance, bytesMax = httpAnswersBytesMax): void {
  /** The oldest first. */
  const waiting = new Set<ServerResponse>()

  const cutOldest = (more: number): void => {
    let bytes = more
    for (const { socket } of waiting) bytes += socket?.writableLength ?? 0
    for (const answer of waiting) {
      if (bytes <= bytesMax) return
      bytes -= answer.socket?.writableLength ?? 0
      waiting.delete(answer)
      answer.destroy()
    }
  }

  app.addHook('onSend', (_, { raw: answer }, payload, next) => {
    const bytes = typeof payload === 'string' ? payload.length : 0
    if (bytes >= countedBytesMin) {
      cutOldest(bytes)
      waiting.add(answer)
      answer.once('close', () => waiting.delete(answer))
    }
    next()
  })
}
