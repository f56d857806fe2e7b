/**
 * What Feast's routes take and answer, for the OpenAPI document.
 */
import {
  anyOf,
  flag,
  list,
  map,
  object,
  oneOf,
  openObject,
  text,
  whole,
} from '../../serve/json-schema.ts'
import { json, type Operation } from '../../serve/operation.ts'

const detail = object({ row: whole, code: text, path: text, message: text })
const refusal = object({ detail: anyOf(text, list(detail)) })

const statuses = ['PRESENT', 'NULL_VALUE', 'NOT_FOUND', 'OUTSIDE_MAX_AGE', 'INVALID']

export const onlineFeaturesOperation: Operation = {
  summary: "Features for rows of keys, as columns, as Feast's feature server answers",
  body: json(
    openObject(
      { entities: map(list()) },
      {
        features: list(text),
        feature_service: text,
        full_feature_names: flag,
        request_context: map(list()),
      },
    ),
  ),
  answer: json(
    object({
      metadata: object({ feature_names: list(text) }),
      results: list(
        object({
          values: list(),
          statuses: list(oneOf(...statuses)),
          event_timestamps: list(text),
        }),
      ),
    }),
  ),
  refusal,
}

export const pushOperation: Operation = {
  summary: 'Takes rows of a source, as columns, all or none, as Feast does',
  body: json(openObject({ push_source_name: text, df: map() }, { to: text })),
  answer: json({ type: 'null' }),
  refusal,
}
