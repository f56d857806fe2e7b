/**
 * Who may ask for what: the application asks every request for what its route requires, before its
 * body is read; a handler asks again where it has learnt which source or service is meant.
 *
 * No route is open by oversight: one that does not say what it requires cannot be added.
 */
import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from 'fastify'
import { assert } from '../base/assert.ts'
import { challenge, type AccessPort, type Permission, type Target } from '../model/permission.ts'
import type { Operation } from './operation.ts'

/** From here on every request has a grant that allows what its route requires. */
export function addAccess(app: FastifyInstance, access: AccessPort): void {
  app.addHook('onRoute', ({ method, url, config }) => {
    assert(config?.permission !== undefined, `${String(method)} ${url} does not say whom it is for`)
  })
  app.decorateRequest('grant')
  app.addHook('onRequest', (request, reply, next) => {
    request.grant = access.grantOf(request.headers)
    const refusal = request.grant.refusal(permissionOf(request))
    if (refusal === null) return next()
    if (refusal.code === 'UNAUTHORIZED') reply.header('www-authenticate', challenge)
    next(refusal)
  })
}

/** The options of a route that is for those who have a permission, and what it does. */
export function requires(
  permission: Permission,
  openapi?: Operation,
): { readonly config: FastifyContextConfig } {
  return { config: { permission, ...(openapi === undefined ? {} : { openapi }) } }
}

/** Throws where whoever asks may not do that, or not to the source or service that is meant. */
export function assertGranted(
  { grant }: FastifyRequest,
  permission: Permission,
  target?: Target,
): void {
  const refusal = grant.refusal(permission, target)
  if (refusal !== null) throw refusal
}

/** Unknown paths have been refused before. */
function permissionOf({ routeOptions }: FastifyRequest): Permission {
  return routeOptions.config.permission ?? 'administer'
}
