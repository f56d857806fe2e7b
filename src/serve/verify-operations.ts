/**
 * What the routes of verification take and answer, for the OpenAPI document.
 */
import { anything, flag, list, map, object, orNull, text, whole } from './json-schema.ts'
import { json, type Operation } from './operation.ts'

const stated = object({ state: text, value: anything })

const view = object({
  view: text,
  keys: whole,
  isSample: flag,
  equal: whole,
  different: whole,
  uncertified: whole,
  completeFrom: orNull(text),
})

const event = object({
  position: whole,
  producer: text,
  epoch: whole,
  sequence: whole,
  origin: orNull(text),
  arrived: text,
  time: orNull(text),
  value: anything,
  verdict: text,
  after: stated,
})

const difference = object({
  view: text,
  feature: text,
  key: map(),
  edge: text,
  served: stated,
  counted: stated,
  events: list(event),
  eventsBefore: whole,
})

const certificate = object({
  isEqual: flag,
  definitions: text,
  journal: object({ from: whole, to: whole }),
  events: whole,
  loggedEvents: whole,
  seed: whole,
  views: list(view),
  difference: orNull(difference),
  startedAt: text,
  tookMs: whole,
})

const answer = json(
  object({
    isRunning: flag,
    runs: whole,
    failure: orNull(text),
    certificate: orNull(certificate),
  }),
)

export const verificationOperation: Operation = {
  summary: 'What the last verification came to',
  answer,
}

export const verifyOperation: Operation = {
  summary: 'Begins to compare what is served with the journal; does not wait for it',
  body: json(object({}, { keys: whole, seed: whole })),
  answer,
}
