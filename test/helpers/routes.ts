/**
 * The routes that a daemon adds to its application, heard of as it does.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'

export interface Route {
  readonly method: string
  /** With parameters as `:name`. */
  readonly path: string
}

/** What `start` starts, and its routes: without HEAD, and without those that refuse a method. */
export async function startWithRoutes<T>(
  start: () => Promise<T>,
): Promise<{ readonly started: T; readonly routes: readonly Route[] }> {
  const routes: Route[] = []
  const listen = (told: unknown): void => {
    ;(told as { fastify: FastifyInstance }).fastify.addHook('onRoute', ({ method, url }) => {
      // A route that refuses the methods of others has most of them.
      if (!Array.isArray(method)) routes.push({ method, path: url })
    })
  }
  subscribe('fastify.initialization', listen)
  const started = await start().finally(() => {
    unsubscribe('fastify.initialization', listen)
  })
  return { started, routes: routes.filter(({ method }) => method !== 'HEAD') }
}
