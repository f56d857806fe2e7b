/**
 * What our own routes take and answer, for the OpenAPI document: `docs/reference/http.md` in the
 * words of JSON Schema. Those of health, definitions, status, the ledger and backfills; routes with
 * larger bodies have theirs in files beside them.
 */
import {
  anything,
  flag,
  list,
  map,
  number,
  object,
  oneOf,
  openObject,
  orNull,
  text,
  whole,
} from './json-schema.ts'
import { json, type Operation } from './operation.ts'

export const healthOperation: Operation = {
  summary: 'Whether the process is alive',
  answer: json(object({ status: oneOf('alive') })),
}

const warning = object({ code: text, message: text, retry: oneOf('never', 'backoff') })

export const readinessOperation: Operation = {
  summary: 'Whether the daemon should be sent work',
  answer: json(object({ status: oneOf('ready') }, { warnings: list(warning) })),
}

const named = openObject({ name: text })

export const definitionsOperation: Operation = {
  summary: 'Sources, views and services',
  answer: json(
    openObject({
      entities: list(named),
      sources: list(named),
      views: list(named),
      services: list(named),
    }),
  ),
}

export const statusOperation: Operation = {
  summary: 'What the daemon is doing, in numbers',
  answer: json(openObject({ recovery: map(number), connections: openObject({}) })),
}

export const streamOperation: Operation = {
  summary: 'Upgrades to WebSocket; refused without',
  answer: {},
}

const filters = { source: text, producer: text, code: text, after: whole, upTo: whole }

const entry = openObject({
  id: whole,
  arrived: text,
  producer: text,
  epoch: whole,
  sequence: whole,
  source: text,
  code: text,
  path: text,
  message: text,
  missedBy: list(text),
  isPartial: flag,
  isReplayed: flag,
  replayOf: orNull(anything),
})

export const ledgerOperation: Operation = {
  summary: 'Events that were not counted, oldest first',
  query: { ...filters, limit: whole },
  answer: json(
    object({ entries: list(entry), next: orNull(whole), summary: openObject({ entries: whole }) }),
  ),
}

export const replayOperation: Operation = {
  summary: 'Publishes events that were not counted again',
  body: json(object({}, { ...filters, limit: whole, dryRun: flag })),
  answer: json(
    object({
      replayed: whole,
      accepted: whole,
      rejected: whole,
      skipped: map(whole),
      sourcesUnknown: list(text),
      upTo: whole,
      next: orNull(whole),
    }),
  ),
}

const backfill = openObject({
  id: orNull(whole),
  source: text,
  state: oneOf('pending', 'running', 'paused', 'failed', 'complete'),
})
const backfills = json(object({ backfills: list(backfill) }))

export const backfillsOperation: Operation = {
  summary: 'Backfills, and views that wait for one',
  answer: backfills,
}

export const backfillOperation: Operation = {
  summary: 'Begins, or goes on with, the backfills of views; does not wait for them',
  body: json(object({}, { views: list(text), from: text, to: text })),
  answer: backfills,
}

export const pauseOperation: Operation = {
  summary: 'Stops what is being backfilled',
  answer: backfills,
}
