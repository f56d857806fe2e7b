/**
 * The metrics page, and what is measured of every request.
 */
import type { FastifyInstance } from 'fastify'
import { requires } from './http-access.ts'
import { refuseOtherMethods } from './http.ts'
import { text } from './json-schema.ts'
import type { Operation } from './operation.ts'

/** What the application needs of the metrics. */
export interface HttpMetrics {
  readonly contentType: string
  text(): Promise<string>
  readonly http: {
    /** @param route  The path as it was added; undefined where none was found. */
    answered(route: string | undefined, status: number, ms: number): void
  }
}

const path = '/metrics'

const operation: Operation = {
  summary: 'What the daemon does, in numbers for Prometheus',
  answer: { 'text/plain': text },
}

export function addMetrics(app: FastifyInstance, metrics: HttpMetrics): void {
  app.addHook('onResponse', ({ routeOptions }, { statusCode, elapsedTime }, next) => {
    metrics.http.answered(routeOptions.url, statusCode, elapsedTime)
    next()
  })
  app.get(path, requires('read-metadata', operation), async (_, reply) => {
    reply.header('content-type', metrics.contentType)
    return reply.send(await metrics.text())
  })
  refuseOtherMethods(app, [path], ['GET', 'HEAD'])
}
