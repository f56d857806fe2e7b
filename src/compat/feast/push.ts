/**
 * Feast's `POST /push`: rows for a push source, as columns.
 *
 * Answered with `null` when all rows are on disk and features show them. If any row is wrong, none
 * is taken, and the answer names each.
 */
import type { FastifyInstance } from 'fastify'
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
import { pushOperation } from './operations.ts'
import { parsePush } from './push-request.ts'
import { feastRefusal } from './refusal.ts'

const path = '/push'

export function addFeastPush(
  app: FastifyInstance,
  options: {
    readonly catalog: Pick<Catalog, 'sources'>
    readonly push: PushPort
    /** Throws when nothing may be published. */
    readonly assertReady: () => void
    readonly log: HttpLog
  },
): void {
  const { catalog, push, assertReady, log } = options
  const types = new Map(catalog.sources.map((source) => [source.name, pushedType(source)]))
  const limits = { bodyLimit: eventsBodyBytesMax, ...requires('write-events', pushOperation) }
  void app.register((scope, _, done) => {
    scope.setErrorHandler(createErrorHandler(log, feastRefusal))
    addAnyType(scope)
    addRawBody(scope)
    scope.post<{ Body: Buffer }>(path, limits, async (request, reply) => {
      assertReady()
      const events = parsePush(request.body, types)
      assertGranted(request, 'write-events', events)
      const { refused } = await ingestAll(pushFor(push, request), [events], false)
      const rows = refused.flatMap(({ rejections }) => rejections)
      if (rows.length > 0) {
        reply.code(422)
        const detail = rows.map(({ index: row, code, path: at, message }) => {
          return { row, code, path: at, message }
        })
        return { detail }
      }
      reply.header('content-type', 'application/json; charset=utf-8')
      return reply.send('null')
    })
    refuseOtherMethods(scope, [path], ['POST'])
    done()
  })
}
