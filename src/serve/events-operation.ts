/**
 * What the route of events takes and answers, for the OpenAPI document.
 */
import { bodyParsers } from './event-bodies.ts'
import { anyOf, anything, list, map, object, oneOf, text, whole } from './json-schema.ts'
import { json, type Operation } from './operation.ts'

const rejection = object(
  { index: whole, code: text, path: text, message: text },
  { views: list(text) },
)
const counts = { accepted: whole, rejected: whole, rejections: list(rejection) }

export const eventsOperation: Operation = {
  summary: 'Takes events of a source, or only checks them',
  query: { dryRun: oneOf('true', 'false') },
  body: Object.fromEntries([...bodyParsers.keys()].map((type) => [type, anything])),
  answer: json(
    anyOf(object(counts), object({ dryRun: { const: true }, ...counts, rows: map(whole) })),
  ),
}
