/**
 * The routes by which features are read: of keys, and of all that is known of a part of a key.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import type { Catalog } from '../model/catalog.ts'
import type { ReadPort } from '../model/contracts.ts'
import { createFeatureBody, keysJson, type FeatureBody } from './feature-body.ts'
import { queryOperations, readOperations } from './features-operations.ts'
import { assertGranted, requires } from './http-access.ts'
import { keyOfQuery, queryOfBody, requestOfBody, type FeatureRequest } from './http-keys.ts'
import type { Operation } from './operation.ts'
import { readables, type Readable } from './services.ts'

const readPath = '/v1/features/:name'
const queryPath = `${readPath}/query`

/** Paths of the routes. */
export const featurePaths: readonly string[] = [readPath, queryPath]

export interface FeaturesOptions {
  readonly catalog: Catalog
  readonly read: ReadPort
  /** Wall time, ms; ages are counted from it. */
  readonly nowMs: () => number
  /** Throws when nothing is served. */
  readonly assertServing: () => void
}

interface Served {
  readonly service: Readable
  readonly bodyOf: FeatureBody
}

/** Answers a request for a service. */
type Answer = (served: Served, request: FeatureRequest) => Promise<string>

export function addFeatures(app: FastifyInstance, options: FeaturesOptions): void {
  const { catalog, read, nowMs, assertServing } = options
  const byName = new Map(
    [...readables(catalog)].map(([name, service]): [string, Served] => [
      name,
      { service, bodyOf: createFeatureBody(service) },
    ]),
  )

  const answerRead: Answer = async ({ service, bodyOf }, { keys, options: asked }) => {
    const table = await read.read(service.name, keys, asked)
    return bodyOf({ keys, table, nowMs: nowMs() })
  }
  const answerQuery: Answer = async ({ service, bodyOf }, { keys: [key], options: asked }) => {
    const table = await read.query(service.name, key!, asked)
    return bodyOf({ keys: keysJson(table), table, nowMs: nowMs() })
  }

  async function answer(
    name: string,
    reply: FastifyReply,
    write: Answer,
    requestOf: (service: Readable) => FeatureRequest,
  ): Promise<string> {
    assertServing()
    const served = byName.get(name)
    if (served === undefined) throw new MillraceError('FEATURES_UNKNOWN', { name })
    const text = await write(served, requestOf(served.service))
    reply.header('content-type', jsonType)
    return text
  }

  const how = (operation: Operation) => ({
    ...requires('read-features', operation),
    onRequest: (request: FastifyRequest<Named>, _: unknown, next: () => void) => {
      assertGranted(request, 'read-features', { service: request.params.name })
      next()
    },
  })
  for (const [path, write, bodyRequest, operations] of [
    [readPath, answerRead, requestOfBody, readOperations],
    [queryPath, answerQuery, queryOfBody, queryOperations],
  ] as const) {
    app.get<Named>(path, how(operations.get), ({ params, query, url }, reply) =>
      answer(params.name, reply, write, (service) => ({
        keys: [keyOfQuery(service, { query, url })],
        options: {},
      })),
    )
    app.post<Named>(path, how(operations.post), ({ params, body }, reply) =>
      answer(params.name, reply, write, () => bodyRequest(body)),
    )
  }
}

const jsonType = 'application/json; charset=utf-8'

interface Named {
  Params: { name: string }
}
