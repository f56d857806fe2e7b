/**
 * What the application asks of every route, so that none is open by oversight: to say whom it is
 * for (`model/permission.ts`).
 */
import type { FastifyInstance } from 'fastify'
import { assert } from '../base/assert.ts'
import type { Permission } from '../model/permission.ts'

/** From here on, a route that says nothing cannot be added. */
export function addAccess(app: FastifyInstance): void {
  app.addHook('onRoute', ({ method, url, config }) => {
    assert(config?.permission !== undefined, `${String(method)} ${url} does not say whom it is for`)
  })
}

/** The options of a route that is for those who have a permission. */
export function requires(permission: Permission): { readonly config: { permission: Permission } } {
  return { config: { permission } }
}
