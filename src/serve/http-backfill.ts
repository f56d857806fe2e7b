/**
 * The routes of backfills: they are asked for, paused and watched. None waits for one to end.
 */
import type { FastifyInstance } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import type { BackfillPort, BackfillRequest } from '../model/backfill.ts'
import { isWireMap } from '../model/convert.ts'
import { msOf, parseTimestamp } from '../model/timestamp.ts'
import { requires } from './http-access.ts'
import { backfillsBody } from './backfill-body.ts'
import { backfillOperation, backfillsOperation, pauseOperation } from './operations.ts'

/** @param assertReady  Throws when nothing may be published. */
export function addBackfills(
  app: FastifyInstance,
  backfills: BackfillPort,
  assertReady: () => void,
): void {
  app.get('/v1/backfill', requires('read-metadata', backfillsOperation), () => ({
    backfills: backfillsBody(backfills.status()),
  }))
  app.post('/v1/backfill', requires('administer', backfillOperation), async ({ body }, reply) => {
    assertReady()
    const started = await backfills.start(requestOf(body))
    reply.code(202)
    return { backfills: backfillsBody(started) }
  })
  app.post('/v1/backfill/pause', requires('administer', pauseOperation), async () => ({
    backfills: backfillsBody(await backfills.pause()),
  }))
}

function requestOf(body: unknown): BackfillRequest {
  if (!isWireMap(body)) throw requestInvalid('body', 'is not a JSON object')
  const { views, from, to, ...others } = body as Readonly<Record<string, unknown>>
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw requestInvalid(unknown, 'is not known here')
  return { views: viewsOf(views), fromMs: momentOf('from', from), toMs: momentOf('to', to) }
}

function viewsOf(views: unknown): readonly string[] | null {
  if (views === undefined) return null
  const isList = Array.isArray(views) && views.length > 0
  if (isList && views.every((name) => typeof name === 'string')) return views
  throw requestInvalid('views', 'is not a list of names')
}

function momentOf(name: string, value: unknown): number | null {
  if (value === undefined) return null
  const ns = typeof value === 'string' ? parseTimestamp(value) : null
  if (ns === null) throw requestInvalid(name, 'is not a time such as "2024-01-01T00:00:00Z"')
  return msOf(ns)
}

function requestInvalid(path: string, reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path, reason })
}
