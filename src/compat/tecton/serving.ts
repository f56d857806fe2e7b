/**
 * The get-features family of the hosted platform's HTTP API, over the same reads as our own.
 *
 * Paths, bodies, spellings, encodings and texts are the platform's, so that its clients work when
 * their URL is changed; `docs/reference/tecton.md` says what is served how. The daemon is one
 * workspace, and takes any name for it.
 *
 * Thread: main.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../base/clock.ts'
import { MillraceError } from '../../base/errors.ts'
import { servingMsMax } from '../../base/limits.ts'
import type { Catalog } from '../../model/catalog.ts'
import type { ReadPort, TypedFeatureTable } from '../../model/contracts.ts'
import { createErrorHandler, type HttpLog } from '../../serve/http-errors.ts'
import { refuseOtherMethods } from '../../serve/http.ts'
import { systemAfter, within, type After } from '../deadline.ts'
import { addJsonBody } from '../json-body.ts'
import { createAnswerWriter, type AnsweredRow, type AnswerWriter } from './answer.ts'
import { servingRefusal } from './errors.ts'
import { readerKey } from './keys.ts'
import { requestInvalid, type Members } from './members.ts'
import { serviceMetadata } from './metadata.ts'
import * as requests from './request.ts'
import { createServices, type ServedService } from './services.ts'

export interface ServingOptions {
  readonly catalog: Catalog
  readonly read: ReadPort
  /** @throws MillraceError when features are not served any more. */
  readonly assertServing: () => void
  readonly clock: Clock
  readonly log?: HttpLog
  /** @defaultValue the timers of the process */
  readonly after?: After
}

const version1 = '/api/v1/feature-service'
const version2 = '/api/v2/workspaces/:workspace/feature-services/:name'
const jsonType = 'application/json; charset=utf-8'

type InPath = { readonly Params: requests.Place }

/** Adds the routes, in a scope of their own: bodies and refusals are not those of other routes. */
export function addTectonServing(app: FastifyInstance, options: ServingOptions): void {
  void app.register((scope, _, done) => {
    scope.setErrorHandler(createErrorHandler(options.log, servingRefusal))
    addJsonBody(scope)
    addRoutes(scope, options)
    done()
  })
}

function addRoutes(app: FastifyInstance, options: ServingOptions): void {
  const find = createServices(options.catalog)
  const answers = createReads(options)
  const config = { permission: 'read-features' } as const
  for (const [path, isBatch] of [
    ['get-features', false],
    ['get-features-batch', true],
  ] as const) {
    const answer = (request: FastifyRequest, reply: FastifyReply, place: requests.Place | null) => {
      const params = requests.paramsOf(request.body, place)
      const asked = requests.askedOf(params, place)
      const rows = isBatch ? requests.rowsOf(params) : [requests.rowOf(params)]
      reply.header('content-type', jsonType)
      return answers(find(asked.target), asked, rows, isBatch)
    }
    app.post(`${version1}/${path}`, { config }, (request, reply) => answer(request, reply, null))
    app.post<InPath>(`${version2}/${path}`, { config }, (request, reply) =>
      answer(request, reply, request.params),
    )
  }
  app.post(`${version1}/query-features`, { config }, ({ body }) => {
    const { name } = find(requests.targetOf(requests.paramsOf(body, null), null))
    throw requestInvalid(name, 'has no view with an online serving index')
  })
  addMetadata(app, find)
  refuseOtherMethods(
    app,
    ['get-features', 'get-features-batch', 'query-features', 'metadata']
      .map((path) => `${version1}/${path}`)
      .concat(`${version2}/get-features`, `${version2}/get-features-batch`),
    ['POST'],
  )
  refuseOtherMethods(app, [`${version2}/metadata`], ['GET', 'HEAD'])
}

function addMetadata(app: FastifyInstance, find: ReturnType<typeof createServices>): void {
  const config = { permission: 'read-metadata' } as const
  app.post(`${version1}/metadata`, { config }, ({ body }) => {
    const target = requests.targetOf(requests.paramsOf(body, null), null)
    return serviceMetadata(find(target), true)
  })
  app.get<InPath>(`${version2}/metadata`, { config }, ({ params }) => {
    return serviceMetadata(find(requests.targetOf({}, params)), false)
  })
}

/** Reads vectors and writes the answer. */
function createReads(options: ServingOptions) {
  const { read, clock, assertServing, after = systemAfter } = options
  const writers = new WeakMap<ServedService, AnswerWriter>()
  const writerOf = (service: ServedService): AnswerWriter => {
    let writer = writers.get(service)
    if (writer === undefined) writers.set(service, (writer = createAnswerWriter(service)))
    return writer
  }
  return async (
    service: ServedService,
    { metadata, options }: requests.Asked,
    rows: readonly requests.AskedRow[],
    isBatch: boolean,
  ): Promise<string> => {
    assertServing()
    const startMs = clock.monotonicMs()
    const keys = rows.map(({ joinKeys }) => readerKey(service.joinKeys, joinKeys))
    const known = keys.filter((key): key is Members => key !== null)
    const { leadingEdge, budgetMs = servingMsMax, coerceNullCountsToZero } = options
    const how = leadingEdge === undefined ? {} : { leadingEdge }
    const waitMs = Math.min(budgetMs, servingMsMax)
    const table = await within(read.read(service.name, known, how), waitMs, after)
    if (table === null && budgetMs >= servingMsMax) {
      throw new MillraceError('READ_TIMEOUT', { ms: servingMsMax })
    }
    const seconds = (clock.monotonicMs() - startMs) / 1000
    const times = { serverSeconds: seconds, storeSeconds: seconds }
    const answer = { rows: rowsOf(keys, table), metadata, coerceNullCountsToZero, ...times }
    const writer = writerOf(service)
    return isBatch ? writer.batch(answer) : writer.single(answer)
  }
}

/** Puts the rows that were read where their keys stand. */
function rowsOf(keys: readonly (Members | null)[], table: TypedFeatureTable | null): AnsweredRow[] {
  let next = 0
  return keys.map((key) => {
    if (key === null) return 'MISSING_DATA'
    return table === null ? 'TIME_OUT' : table.rows[next++]!
  })
}
