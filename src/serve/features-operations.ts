/**
 * What the routes of features take and answer, for the OpenAPI document.
 */
import { leadingEdges } from '../model/catalog.ts'
import { list, map, number, object, oneOf, orNull, text, type Schema } from './json-schema.ts'
import { json, type Operation } from './operation.ts'

const states = ['present', 'null', 'empty', 'overflow', 'expired', 'unseen', 'failed']

const row = object(
  {
    key: map(),
    values: map(),
    states: map(oneOf(...states)),
    freshness: map(object({ newest: orNull(text), ageMs: orNull(number), edge: text })),
  },
  { failures: map(text) },
)

const answer = json(object({ service: text, features: list(text), rows: list(row) }))
const leadingEdge: Schema = oneOf(...leadingEdges)

/** Join keys of a service are the names of the query string. */
export const readOperations = {
  get: { summary: 'Features of one key, whose join keys stand in the query string', answer },
  post: {
    summary: 'Features of many keys',
    body: json(object({ keys: list(map()) }, { requests: list(map()), leadingEdge })),
    answer,
  },
} satisfies Record<string, Operation>

export const queryOperations = {
  get: { summary: 'Features of all keys of which a part stands in the query string', answer },
  post: {
    summary: 'Features of all keys of which a part is given',
    body: json(object({ key: map() }, { request: map(), leadingEdge })),
    answer,
  },
} satisfies Record<string, Operation>
