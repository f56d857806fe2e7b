/**
 * The routes of the ledger: its entries, and their replay.
 */
import type { FastifyInstance } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import { ledgerPageEntriesMax, ledgerReplayEntriesMax } from '../base/limits.ts'
import { isWireMap } from '../model/convert.ts'
import type { LedgerFilter, LedgerPort, LedgerQuery, ReplayRequest } from '../model/ledger.ts'
import { requires } from './http-access.ts'
import { ledgerBody } from './ledger-body.ts'
import { ledgerOperation, replayOperation } from './operations.ts'

/** Entries of a page when nothing is said. */
const limitStandard = 100

const filters = ['source', 'producer', 'code'] as const
const places = ['after', 'upTo', 'limit'] as const

/** @param assertReady  Throws when nothing may be published. */
export function addLedger(app: FastifyInstance, ledger: LedgerPort, assertReady: () => void): void {
  // It has the events of every producer, as they were sent.
  app.get('/v1/ledger', requires('administer', ledgerOperation), async ({ query }) => {
    const asked = queryOf(query as Given, ledgerPageEntriesMax, limitStandard)
    return { ...ledgerBody(await ledger.list(asked)), summary: ledger.summary() }
  })
  app.post('/v1/ledger/replay', requires('administer', replayOperation), ({ body }) => {
    assertReady()
    return ledger.replay(replayOf(body))
  })
}

type Given = Readonly<Record<string, unknown>>

function replayOf(body: unknown): ReplayRequest {
  if (!isWireMap(body)) throw requestInvalid('body', 'is not a JSON object')
  const { dryRun = false, ...given } = body as Given
  if (typeof dryRun !== 'boolean') throw requestInvalid('dryRun', 'is not true or false')
  const query = queryOf(given, ledgerReplayEntriesMax, ledgerReplayEntriesMax)
  return { ...query, isDryRun: dryRun }
}

function queryOf(given: Given, limitMax: number, limitOtherwise: number): LedgerQuery {
  const known: readonly string[] = [...filters, ...places]
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw requestInvalid(name, 'is not known here')
  }
  return {
    filter: filterOf(given),
    after: wholeOf(given, 'after', 0, Number.MAX_SAFE_INTEGER) ?? 0,
    upTo: wholeOf(given, 'upTo', 0, Number.MAX_SAFE_INTEGER) ?? Infinity,
    limit: wholeOf(given, 'limit', 1, limitMax) ?? limitOtherwise,
  }
}

function filterOf(given: Given): LedgerFilter {
  const filter: Record<string, string> = {}
  for (const name of filters) {
    const value = given[name]
    if (value === undefined) continue
    if (typeof value !== 'string') throw requestInvalid(name, 'is not one text')
    filter[name] = value
  }
  return filter
}

/** A number, as JSON or a query string has it. */
function wholeOf(given: Given, name: string, min: number, max: number): number | null {
  const value = given[name]
  if (value === undefined) return null
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value))
  const number = isNumber ? Number(value) : Number.NaN
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number
  throw requestInvalid(name, `is not a whole number from ${min} to ${max}`)
}

function requestInvalid(path: string, reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path, reason })
}
