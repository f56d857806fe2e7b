/**
 * Content types of clients that may call what they send anything, or nothing: one that is no media
 * type, such as `json` or an empty one, is passed over. The framework would refuse it before
 * anybody has looked at the body.
 */
import type { FastifyInstance } from 'fastify'

const mediaType = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/

/** From here on, the routes of `app` take bodies of any content type. */
export function addAnyType(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw: { headers } }, _, next) => {
    if (!mediaType.test(headers['content-type'] ?? '')) delete headers['content-type']
    next()
  })
}
