/**
 * The route by which events come in over HTTP: each request is answered when its events are on disk
 * and applied, and every event has its own verdict, as with the acknowledgements of a session.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import { eventsBodyBytesMax } from '../base/http-limits.ts'
import type { Catalog, Source } from '../model/catalog.ts'
import type { PushPort } from '../model/contracts.ts'
import type { DataType } from '../model/types.ts'
import { bodyParsers } from './event-bodies.ts'
import { eventsOperation } from './events-operation.ts'
import { assertGranted, requires } from './http-access.ts'
import { pushFor } from './idempotency.ts'

interface EventsRoute {
  readonly Params: { readonly source: string }
  readonly Body: Buffer
}

/** Path of the route. */
export const eventsPath = '/v1/events/:source'

export interface EventsOptions {
  readonly catalog: Pick<Catalog, 'sources'>
  readonly push: PushPort
  /** Throws when nothing may be published. */
  readonly assertReady: () => void
}

export function addEvents(app: FastifyInstance, options: EventsOptions): void {
  const { catalog, push, assertReady } = options
  const sources = new Map(catalog.sources.map((source) => [source.name, pushedType(source)]))
  const limits = { bodyLimit: eventsBodyBytesMax, ...requires('dry-run', eventsOperation) }

  async function take(request: FastifyRequest<EventsRoute>): Promise<object> {
    const { params, query, headers, body } = request
    const { source } = params
    const isDryRun = dryRunOf(query as Readonly<Record<string, unknown>>)
    assertGranted(request, isDryRun ? 'dry-run' : 'write-events', { source })
    assertReady()
    const type = sources.get(source)
    if (type === undefined) throw new MillraceError('SOURCE_UNKNOWN', { source })
    const parse = parserOf(headers['content-type'])
    if (body.length === 0) throw requestInvalid('body', 'is empty')
    const events = parse(body, { source, type })
    return isDryRun ? checked(push, events) : pushed(pushFor(push, request), events)
  }

  void app.register((scope, _, done) => {
    addRawBody(scope)
    scope.post<EventsRoute>(eventsPath, limits, (request) => take(request))
    done()
  })
}

const noBody = Buffer.alloc(0)

/** From here on, the body of every route of `app` is a `Buffer`, whatever its content type. */
export function addRawBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
  app.addHook('preHandler', (request, _, next) => {
    request.body ??= noBody
    next()
  })
}

/** The events of a source as producers push them, as one type. */
export function pushedType({ input, fields }: Source): DataType {
  return { kind: 'Struct', fields: input?.fields ?? fields, nullable: false }
}

type Events = Parameters<PushPort['push']>[0][number]

async function pushed(push: PushPort, events: Events): Promise<object> {
  const [outcome] = await push.push([events])
  const { accepted, rejections } = outcome!
  return { accepted, rejected: rejections.length, rejections }
}

async function checked(push: PushPort, events: Events): Promise<object> {
  const [outcome] = await push.check([events])
  const { accepted, rejections, rows } = outcome!
  const withoutViews = rejections.map(({ index, code, path, message }) => {
    return { index, code, path, message }
  })
  const counts = { accepted, rejected: rejections.length, rejections: withoutViews }
  return { dryRun: true, ...counts, rows: Object.fromEntries(rows) }
}

/** `?dryRun=true`, and nothing else. */
function dryRunOf(given: Readonly<Record<string, unknown>>): boolean {
  const unknown = Object.keys(given).find((name) => name !== 'dryRun')
  if (unknown !== undefined) throw requestInvalid(unknown, 'is not known here')
  const { dryRun = 'false' } = given
  if (dryRun !== 'true' && dryRun !== 'false')
    throw requestInvalid('dryRun', 'is not true or false')
  return dryRun === 'true'
}

function parserOf(contentType = '') {
  const type = contentType.replace(/;.*/s, '').trim().toLowerCase()
  const parser = bodyParsers.get(type)
  if (parser !== undefined) return parser
  throw new MillraceError('BODY_TYPE', { expected: [...bodyParsers.keys()].join(', ') })
}

function requestInvalid(path: string, reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path, reason })
}
