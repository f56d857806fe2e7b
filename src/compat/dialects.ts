/**
 * The HTTP APIs of other products, beside ours on the same port: their clients change a URL.
 */
import type { FastifyInstance } from 'fastify'
import { addFeastServing } from './feast/online-features.ts'
import { addFeastPush } from './feast/push.ts'
import { addTectonIngest, type IngestOptions } from './tecton/ingest.ts'
import { addTectonMetrics } from './tecton/metrics.ts'
import { addTectonServing, type ServingOptions } from './tecton/serving.ts'

export type DialectOptions = Omit<IngestOptions & ServingOptions, 'meter'>

export function addDialects(app: FastifyInstance, options: DialectOptions): void {
  const meter = addTectonMetrics(app, options)
  addTectonIngest(app, { ...options, meter })
  addTectonServing(app, { ...options, meter })
  addFeastPush(app, options)
  addFeastServing(app, options)
}
