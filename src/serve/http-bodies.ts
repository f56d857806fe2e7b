/**
 * The memory of request bodies, from their first byte until the request is answered: bounded over
 * all requests.
 *
 * What counts is what has come, not what a request says it will send: whoever announces much and
 * sends little would otherwise keep everybody else out. Beyond the bound, the bodies that have been
 * coming for longest are cut; one that is whole is not, because what it asks for may be under way.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import { httpBodiesBytesMax } from '../base/http-limits.ts'

/** A body that is held, as far as it has come. */
interface Body {
  readonly request: IncomingMessage
  bytes: number
}

/** From here on, the bodies of requests that were let in are counted as they come. */
export function addBodies(app: FastifyInstance): void {
  let bytes = 0
  /** Those that are not whole, the oldest first. */
  const coming = new Set<Body>()

  const letGo = (body: Body): void => {
    coming.delete(body)
    bytes -= body.bytes
    body.bytes = 0
  }
  const cutOldest = (): void => {
    for (const body of coming) {
      if (bytes <= httpBodiesBytesMax) return
      letGo(body)
      cut(body.request)
    }
  }

  app.addHook('preParsing', ({ raw: request }, reply, _, next) => {
    // Nobody keeps the body of any other request.
    if (request.method !== 'POST') return next()
    const body = { request, bytes: 0 }
    const take = (chunk: Buffer): void => {
      if (!coming.has(body)) return
      body.bytes += chunk.length
      bytes += chunk.length
      if (bytes > httpBodiesBytesMax) cutOldest()
    }
    coming.add(body)
    request.on('data', take).once('end', () => coming.delete(body))
    reply.raw.once('close', () => {
      request.off('data', take)
      letGo(body)
    })
    next()
  })
}

/** Tells whoever reads the body that no more of it is coming. */
function cut(request: IncomingMessage): void {
  const isRead = request.listenerCount('error') > 0
  if (isRead) request.emit('error', new MillraceError('OVERLOADED'))
  else request.destroy()
}
