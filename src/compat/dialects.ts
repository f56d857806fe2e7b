/**
 * The HTTP APIs of other products, beside ours on the same port: their clients change a URL.
 */
import type { FastifyInstance } from 'fastify'
import { addFeastServing } from './feast/online-features.ts'
import { addFeastPush } from './feast/push.ts'
import { addTectonIngest, type IngestOptions } from './tecton/ingest.ts'
import { addTectonServing, type ServingOptions } from './tecton/serving.ts'

export function addDialects(app: FastifyInstance, options: IngestOptions & ServingOptions): void {
  addTectonIngest(app, options)
  addTectonServing(app, options)
  addFeastPush(app, options)
  addFeastServing(app, options)
}
