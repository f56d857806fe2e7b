/**
 * What the application asks of every request before it looks for a route or reads a body: who asks
 * (`model/admission.ts`), and that path and body are of a form that anything here understands.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import { admissionRefusal, type Admission } from '../model/admission.ts'

/** Goes first in the life of every request, of those to unknown paths, too. */
export function addGuard(app: FastifyInstance, admission: Admission): void {
  app.addHook('onRequest', (request, reply, next) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
    const refusal = admissionRefusal(request.raw, admission) ?? formRefusal(request)
    if (refusal !== null) return next(refusal)
    // Without it the browser would keep the answer from the page that was let in.
    const { origin } = request.headers
    if (origin !== undefined) {
      reply.header('access-control-allow-origin', origin).header('vary', 'origin')
    }
    next()
  })
}

function formRefusal({ is404, url, headers, raw }: FastifyRequest): MillraceError | null {
  if (headers.host === undefined && raw.httpVersion === '1.1') {
    return new MillraceError('REQUEST_INVALID', { path: 'Host', reason: 'is missing' })
  }
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    return new MillraceError('EXPECTATION_UNKNOWN')
  }
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
