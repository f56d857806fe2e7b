/**
 * The HTTP side of the daemon: health, definitions, status, and features by key.
 *
 * Runs in the main thread. Builds the application and opens no socket: the daemon makes it listen,
 * takes WebSocket upgrades of its `server`, and programs call `inject`. Every answer is JSON and
 * every refusal has a code of the error table; `docs/reference/http.md` describes the routes.
 */
import { METHODS } from 'node:http'
import { fastify, type FastifyInstance, type FastifyReply, type HTTPMethods } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import { httpBodyBytesMax, httpNameLengthMax } from '../base/http-limits.ts'
import { standardAdmission, type Admission } from '../model/admission.ts'
import type { BackfillPort } from '../model/backfill.ts'
import type { Catalog } from '../model/catalog.ts'
import type { PushPort, ReadPort } from '../model/contracts.ts'
import type { LedgerPort } from '../model/ledger.ts'
import { openAccess, type AccessPort } from '../model/permission.ts'
import { definitionsJson } from './definitions.ts'
import { addAccess, requires } from './http-access.ts'
import { addAnswers } from './http-answers.ts'
import { addBodies } from './http-bodies.ts'
import { createErrorHandler, errorBody, refuseConnection, type HttpLog } from './http-errors.ts'
import { addEvents, eventsPath } from './http-events.ts'
import { addFeatures, featurePaths } from './http-features.ts'
import { addGuard } from './http-guard.ts'
import { addBackfills } from './http-backfill.ts'
import { addLedger } from './http-ledger.ts'
import {
  createHttpServer,
  standardTimeouts,
  type HttpTimeouts,
  type TlsKeys,
} from './http-server.ts'
import { addOpenapi } from './openapi.ts'
import * as operations from './operations.ts'

/** Whether the daemon should be sent work. */
export type Readiness =
  /** `warnings` are of what may soon be otherwise. */
  | { readonly state: 'ready'; readonly warnings: readonly MillraceError[] }
  /** The disk hangs: events are taken, and not acknowledged; features are served. */
  | { readonly state: 'stalled'; readonly error: MillraceError }
  /** A shard thread hangs: so do the features of its keys, and every batch that has one of them. */
  | { readonly state: 'blocked'; readonly error: MillraceError }
  /** Features are served; new events are refused until there is room on the disk. */
  | { readonly state: 'storage-full'; readonly error: MillraceError }
  /** The daemon has failed and is ending: nothing is served. `reason` goes out: a code. */
  | { readonly state: 'failed'; readonly reason: string }
  /** Features are still served; new events are not taken. */
  | { readonly state: 'draining' }

export interface HttpOptions {
  readonly catalog: Catalog
  readonly read: ReadPort
  readonly push: PushPort
  readonly ledger: LedgerPort
  readonly backfills: BackfillPort
  /** Where WebSocket clients connect; without an upgrade it is refused here. */
  readonly streamPath: string
  /** What `GET /v1/status` answers: plain data. */
  readonly status: () => object | Promise<object>
  readonly readiness: () => Readiness
  /** Wall time, ms; ages are counted from it. */
  readonly nowMs: () => number
  /** Who may ask. @defaultValue no web page, by any name */
  readonly admission?: Admission
  /** What they may ask for. @defaultValue everything */
  readonly access?: AccessPort
  /** Hears of what goes out as `INTERNAL`; nothing is logged without. */
  readonly log?: HttpLog
  /** @defaultValue null: what is sent can be read on its way */
  readonly tls?: TlsKeys | null
  /** @defaultValue the bounds of `base/http-limits.ts` */
  readonly timeouts?: Partial<HttpTimeouts>
}

const openapiPath = '/openapi.json'

export function createHttp(options: HttpOptions): FastifyInstance {
  const sendError = createErrorHandler(options.log)
  const { tls = null } = options
  const timeouts = { ...standardTimeouts, ...options.timeouts }
  const app = fastify({
    bodyLimit: httpBodyBytesMax,
    // Members are looked up as own ones: these names are refused like any that is not known.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    serverFactory: (handler) => createHttpServer(handler, { timeouts, tls }),
    routerOptions: { maxParamLength: httpNameLengthMax },
    // While it closes, the last requests are answered like any other.
    return503OnClosing: false,
    clientErrorHandler: refuseConnection,
    frameworkErrors: sendError,
  })
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler(sendError)
  addGuard(app, options.admission ?? standardAdmission)
  addAccess(app, options.access ?? openAccess)
  addBodies(app)
  addAnswers(app)
  addOpenapi(app, openapiPath)
  addHealth(app, options)
  addFeatures(app, { ...options, assertServing: () => assertServing(options.readiness()) })
  const ready = (): void => assertReady(options.readiness())
  addLedger(app, options.ledger, ready)
  addBackfills(app, options.backfills, ready)
  addEvents(app, { ...options, assertReady: ready })

  const definitions = definitionsJson(options.catalog)
  app.get(
    '/v1/definitions',
    requires('read-metadata', operations.definitionsOperation),
    () => definitions,
  )
  app.get('/v1/status', requires('read-metadata', operations.statusOperation), () =>
    options.status(),
  )
  // An upgrade is asked for its key where it is made.
  app.get(options.streamPath, requires('open', operations.streamOperation), () => {
    throw new MillraceError('UPGRADE_REQUIRED')
  })
  // A path that exists has none of the methods of WebDAV and the like, either.
  const known = app.supportedMethods
  for (const method of METHODS) if (!known.includes(method)) app.addHttpMethod(method)
  const readable = ['/healthz', '/readyz', '/v1/definitions', '/v1/status', '/v1/ledger']
  refuseOtherMethods(app, [...readable, openapiPath, options.streamPath], ['GET', 'HEAD'])
  refuseOtherMethods(app, [...featurePaths, '/v1/backfill'], ['GET', 'HEAD', 'POST'])
  refuseOtherMethods(app, ['/v1/ledger/replay', '/v1/backfill/pause', eventsPath], ['POST'])
  return app
}

function addHealth(app: FastifyInstance, { readiness }: HttpOptions): void {
  const unready = (reply: FastifyReply, state: Unready): object => {
    reply.code(503).header('retry-after', '1')
    return { status: state.state, ...errorBody(unreadyError(state)) }
  }
  app.get('/healthz', requires('open', operations.healthOperation), (_, reply) => {
    const state = readiness()
    const isHopeless = state.state === 'failed' || state.state === 'blocked'
    return isHopeless ? unready(reply, state) : { status: 'alive' }
  })
  app.get('/readyz', requires('open', operations.readinessOperation), (_, reply) => {
    const state = readiness()
    if (state.state !== 'ready') return unready(reply, state)
    if (state.warnings.length === 0) return { status: 'ready' }
    return { status: 'ready', warnings: state.warnings.map((each) => errorBody(each).error) }
  })
}

/**
 * Features are served until the daemon has failed.
 *
 * @throws MillraceError `FAILED`
 */
export function assertServing(readiness: Readiness): void {
  if (readiness.state === 'failed') throw unreadyError(readiness)
}

/**
 * Events are taken where all is well, so that who waits for an outcome is not left without one.
 *
 * @throws MillraceError why not
 */
export function assertReady(readiness: Readiness): void {
  if (readiness.state !== 'ready') throw unreadyError(readiness)
}

type Unready = Exclude<Readiness, { state: 'ready' }>

function unreadyError(readiness: Unready): MillraceError {
  if (readiness.state === 'draining') return new MillraceError('DRAINING')
  if (readiness.state === 'failed') return new MillraceError('FAILED', { reason: readiness.reason })
  return readiness.error
}

/** A path that exists answers `METHOD_UNKNOWN` to every method it does not have. */
export function refuseOtherMethods(
  app: FastifyInstance,
  paths: readonly string[],
  allowed: readonly string[],
): void {
  for (const url of paths) {
    app.route({
      method: app.supportedMethods.filter((each) => !allowed.includes(each)) as HTTPMethods[],
      url,
      ...requires('open'),
      onRequest: () => {
        throw new MillraceError('METHOD_UNKNOWN', { path: url, allowed: allowed.join(', ') })
      },
      handler: () => undefined,
    })
  }
}
