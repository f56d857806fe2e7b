/**
 * The platform's Metrics API: `GET /api/v1/observability/metrics`.
 */
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../base/clock.ts'
import type { Catalog } from '../../model/catalog.ts'
import { requires } from '../../serve/http-access.ts'
import { createErrorHandler, type HttpLog } from '../../serve/http-errors.ts'
import { refuseOtherMethods } from '../../serve/http.ts'
import { servingRefusal } from './errors.ts'
import { idOf } from './ids.ts'
import { PlatformMeter } from './meter.ts'
import { metricsOperation } from './operations.ts'
import { serviceIds } from './services.ts'

export interface MetricsOptions {
  readonly catalog: Catalog
  readonly clock: Clock
  readonly log?: HttpLog
}

const path = '/api/v1/observability/metrics'
const contentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** @returns what is told there: whoever answers in this dialect tells it. */
export function addTectonMetrics(app: FastifyInstance, options: MetricsOptions): PlatformMeter {
  const { catalog, clock, log } = options
  const views = new Map(catalog.views.map(({ name, identity }) => [name, identity]))
  const logged = new Map(
    catalog.sources.flatMap(({ name, offline }) =>
      offline ? [[name, idOf('data source', name)] as const] : [],
    ),
  )
  const meter = new PlatformMeter({ clock, services: serviceIds(catalog), views, logged })
  void app.register((scope, _, done) => {
    scope.setErrorHandler(createErrorHandler(log, servingRefusal))
    scope.get(path, requires('read-metadata', metricsOperation), (_request, reply) => {
      reply.header('content-type', contentType)
      return meter.text()
    })
    refuseOtherMethods(scope, [path], ['GET', 'HEAD'])
    done()
  })
  return meter
}
