/**
 * The get-features family of the hosted platform's HTTP API, over the same reads as our own.
 *
 * Paths, bodies, spellings, encodings and texts are those of the platform, so that its clients work
 * when their URL is changed; `docs/reference/compat-serving.md` says what is served how. The daemon
 * is one workspace, and takes any name for it.
 *
 * Thread: main.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { servingBodyBytesMax } from '../../base/http-limits.ts'
import type { Catalog } from '../../model/catalog.ts'
import { assertGranted, requires } from '../../serve/http-access.ts'
import { createErrorHandler, type HttpLog } from '../../serve/http-errors.ts'
import { refuseOtherMethods } from '../../serve/http.ts'
import type { Operation } from '../../serve/operation.ts'
import { addJsonBody } from '../json-body.ts'
import { servingRefusal } from './errors.ts'
import type { Members } from './members.ts'
import { serviceMetadata } from './metadata.ts'
import { batchOperation, metadataOperation, queryOperation, singleOperation } from './operations.ts'
import type { PlatformMeter } from './meter.ts'
import { createReads, type Reads, type ReadsOptions } from './reads.ts'
import * as requests from './request.ts'
import { createServices, type ServedService, type Services } from './services.ts'

export interface ServingOptions extends ReadsOptions {
  readonly catalog: Catalog
  readonly meter: PlatformMeter
  readonly log?: HttpLog
}

const version1 = '/api/v1/feature-service'
const version2 = '/api/v2/workspaces/:workspace/feature-services/:name'
const jsonType = 'application/json; charset=utf-8'

/** Reads what is asked of a service, with the parameters of the request. */
type Read = (service: ServedService, asked: requests.Asked, params: Members) => Promise<string>

type InPath = { readonly Params: requests.Place }

/** Adds the routes, in a scope of their own: bodies and refusals are not those of other routes. */
export function addTectonServing(app: FastifyInstance, options: ServingOptions): void {
  void app.register((scope, _, done) => {
    scope.setErrorHandler(createErrorHandler(options.log, servingRefusal))
    addJsonBody(scope)
    const find = createServices(options.catalog)
    addReads(scope, find, createReads(options), options.meter)
    addMetadata(scope, find)
    done()
  })
}

function addReads(app: FastifyInstance, find: Services, reads: Reads, meter: PlatformMeter): void {
  const noteService = measureReads(app, meter)
  const add = (path: string, operation: (isBare: boolean) => Operation, read: Read) => {
    const answer = (request: FastifyRequest, reply: FastifyReply, place: requests.Place | null) => {
      const params = requests.paramsOf(request.body, place)
      const asked = requests.askedOf(params, place)
      const service = find(asked.target)
      noteService(request, service)
      assertGranted(request, 'read-features', { service: service.name })
      const text = read(service, asked, params)
      reply.header('content-type', jsonType)
      return text
    }
    const allowed = (isBare: boolean) => ({
      bodyLimit: servingBodyBytesMax,
      ...requires('read-features', operation(isBare)),
    })
    app.post(`${version1}/${path}`, allowed(false), (request, reply) =>
      answer(request, reply, null),
    )
    refuseOtherMethods(app, [`${version1}/${path}`], ['POST'])
    if (path === 'query-features') return
    app.post<InPath>(`${version2}/${path}`, allowed(true), (request, reply) =>
      answer(request, reply, request.params),
    )
    refuseOtherMethods(app, [`${version2}/${path}`], ['POST'])
  }
  add('get-features', singleOperation, (service, asked, params) =>
    reads.single(service, asked, requests.rowOf(params)),
  )
  add('get-features-batch', batchOperation, (service, asked, params) =>
    reads.batch(service, asked, requests.rowsOf(params)),
  )
  add('query-features', queryOperation, (service, asked, params) =>
    reads.query(service, asked, requests.rowOf(params)),
  )
}

/** Has reads counted when they are answered; what is returned notes the service of a request. */
function measureReads(app: FastifyInstance, meter: PlatformMeter) {
  const asked = new WeakMap<FastifyRequest, string>()
  app.addHook('onResponse', (request, { statusCode, elapsedTime }, next) => {
    const isRead = request.routeOptions.config.permission === 'read-features'
    if (isRead) meter.served(asked.get(request) ?? null, statusCode, elapsedTime)
    next()
  })
  return (request: FastifyRequest, { name }: ServedService): void => {
    asked.set(request, name)
  }
}

function addMetadata(app: FastifyInstance, find: Services): void {
  const allowed = (hasBody: boolean) => requires('read-metadata', metadataOperation(hasBody))
  app.post(`${version1}/metadata`, allowed(true), ({ body }) => {
    const target = requests.targetOf(requests.paramsOf(body, null), null)
    return serviceMetadata(find(target), true)
  })
  app.get<InPath>(`${version2}/metadata`, allowed(false), ({ params }) => {
    return serviceMetadata(find(requests.targetOf({}, params)), false)
  })
  refuseOtherMethods(app, [`${version1}/metadata`], ['POST'])
  refuseOtherMethods(app, [`${version2}/metadata`], ['GET', 'HEAD'])
}
