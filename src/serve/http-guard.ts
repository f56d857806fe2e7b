/**
 * What the application asks of every request before it looks for a route or reads a body: who asks
 * (`model/admission.ts`), and that path and body are of a form that anything here understands.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import { httpBodiesBytesMax } from '../base/http-limits.ts'
import { admissionRefusal, type Admission } from '../model/admission.ts'

/** Goes first in the life of every request, of those to unknown paths, too. */
export function addGuard(app: FastifyInstance, admission: Admission): void {
  /** Bytes of the bodies that are being read, or may be. */
  let bodiesBytes = 0
  app.addHook('onRequest', (request, reply, next) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
    const refusal = admissionRefusal(request.raw, admission) ?? formRefusal(request)
    if (refusal !== null) return next(refusal)
    const bodyBytes = bodyBytesOf(request)
    if (bodiesBytes + bodyBytes > httpBodiesBytesMax) return next(new MillraceError('OVERLOADED'))
    if (bodyBytes > 0) {
      bodiesBytes += bodyBytes
      reply.raw.once('close', () => {
        bodiesBytes -= bodyBytes
      })
    }
    // Without it the browser would keep the answer from the page that was let in.
    const { origin } = request.headers
    if (origin !== undefined) {
      reply.header('access-control-allow-origin', origin).header('vary', 'origin')
    }
    next()
  })
}

/** Memory that the body may take; one that does not tell its length, as much as it may have. */
function bodyBytesOf({ headers, routeOptions }: FastifyRequest): number {
  const { bodyLimit } = routeOptions
  if (headers['transfer-encoding'] !== undefined) return bodyLimit
  return Math.min(Number(headers['content-length'] ?? 0), bodyLimit)
}

function formRefusal({ is404, url, headers }: FastifyRequest): MillraceError | null {
  // Before the body is read: an unknown path is unknown whatever is sent to it.
  if (is404) return pathRefusal(url.replace(/\?.*/s, ''))
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding.toLowerCase() === 'identity') return null
  return new MillraceError('BODY_TYPE', { expected: 'application/json, not compressed' })
}

function pathRefusal(path: string): MillraceError {
  // The router has decoded it already and found nothing wrong with the encoding.
  if (!hasControls(decodeURIComponent(path))) return new MillraceError('ROUTE_UNKNOWN', { path })
  const reason = 'has control characters'
  return new MillraceError('REQUEST_INVALID', { path: 'path', reason })
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text)
}
