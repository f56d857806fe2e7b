/**
 * The hosted platform's Stream Ingest API: `POST /ingest` and `/v2/ingest`.
 *
 * The answer says that all records are on disk and that features show them. A request in which any
 * record is wrong is refused as a whole, with an error for each of those (`all-or-none.ts`). What
 * the platform calls a workspace is whatever the client says: there is one.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { printable } from '../../base/errors.ts'
import { eventsBodyBytesMax } from '../../base/http-limits.ts'
import type { Catalog } from '../../model/catalog.ts'
import type { PushPort } from '../../model/contracts.ts'
import { assertGranted, requires } from '../../serve/http-access.ts'
import { createErrorHandler, type HttpLog } from '../../serve/http-errors.ts'
import { addRawBody, pushedType } from '../../serve/http-events.ts'
import { refuseOtherMethods } from '../../serve/http.ts'
import { pushFor } from '../../serve/idempotency.ts'
import { ingestAll } from '../all-or-none.ts'
import { addAnyType } from '../any-type.ts'
import { metricsOf, recordErrorsOf } from './ingest-answer.ts'
import { ingestRefusal, requestError } from './ingest-errors.ts'
import { parseIngest, type Spelling } from './ingest-request.ts'
import type { PlatformMeter } from './meter.ts'
import { ingestOperation } from './operations.ts'

export interface IngestOptions {
  readonly catalog: Catalog
  readonly push: PushPort
  readonly meter: PlatformMeter
  /** Throws when nothing may be published. */
  readonly assertReady: () => void
  readonly log: HttpLog
}

const paths = new Map<string, Spelling>([
  ['/ingest', 'snake'],
  ['/v2/ingest', 'camel'],
])

export function addTectonIngest(app: FastifyInstance, options: IngestOptions): void {
  void app.register((scope, _, done) => {
    scope.setErrorHandler(createErrorHandler(options.log, ingestRefusal))
    // Official samples send JSON under any type, or none.
    addAnyType(scope)
    addRawBody(scope)
    scope.addHook('onResponse', ({ routeOptions }, { statusCode, elapsedTime }, next) => {
      const isIngest = routeOptions.config.permission === 'dry-run'
      if (isIngest) options.meter.ingested(statusCode, elapsedTime)
      next()
    })
    for (const [path, spelling] of paths) addPath(scope, path, spelling, options)
    refuseOtherMethods(scope, [...paths.keys()], ['POST'])
    done()
  })
}

function addPath(
  scope: FastifyInstance,
  path: string,
  spelling: Spelling,
  { catalog, push, meter, assertReady }: IngestOptions,
): void {
  const types = new Map(catalog.sources.map((source) => [source.name, pushedType(source)]))
  const limits = { bodyLimit: eventsBodyBytesMax, ...requires('dry-run', ingestOperation) }
  scope.post<{ Body: Buffer }>(path, limits, async (request, reply) => {
    assertReady()
    const { workspace, isDryRun, batches } = parseIngest(request.body, { spelling, types })
    const permission = isDryRun ? 'dry-run' : 'write-events'
    // Also where there are no records that it could be asked of.
    assertGranted(request, permission)
    for (const { source } of batches) {
      assertGranted(request, permission, { source })
      const unfound = unfoundMessage(catalog, source, workspace, isDryRun)
      if (unfound !== null) return answer(reply, 404, requestError(unfound, 404))
    }
    const port = isDryRun ? push : pushFor(push, request)
    const ingested = await ingestAll(port, batches, isDryRun)
    const { refused } = ingested
    if (refused.length > 0) {
      return answer(reply, 400, { workspaceName: workspace, ...recordErrorsOf(catalog, refused) })
    }
    if (!isDryRun) meter.wrote(workspace, ingested)
    return { workspaceName: workspace, ingestMetrics: metricsOf(catalog, batches, ingested) }
  })
}

/** Why records have no place to go; null when they have one. */
function unfoundMessage(
  { sources, views }: Catalog,
  name: string,
  workspace: string,
  isDryRun: boolean,
): string | null {
  const source = sources.find((each) => each.name === name)
  if (source === undefined) {
    return `Stream source \`${printable(name)}\` not found in workspace \`${printable(workspace)}\``
  }
  if (isDryRun || views.some((view) => view.online && view.source === source.index)) return null
  return `No online feature view is subscribed to stream source \`${name}\``
}

function answer(reply: FastifyReply, status: number, body: object): object {
  reply.code(status)
  return body
}
