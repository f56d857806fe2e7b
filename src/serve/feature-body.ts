/**
 * The body of a feature read: one object per key, with each value under its feature's name.
 *
 * Freshness stands per view, because all features of a view come from the same events. An age is
 * negative when an event's clock is ahead of ours.
 */
import type { FeatureRow, FeatureTable } from '../model/contracts.ts'
import { formatTimestamp, msOf } from '../model/timestamp.ts'
import type { Value } from '../model/types.ts'
import { jsonObject, toJson, type Json } from './json.ts'
import type { Readable } from './services.ts'

/**
 * @param keys   As they were given; `rows[n]` answers `keys[n]`.
 * @param nowMs  The time from which ages are counted.
 */
export function featureBody(
  service: Readable,
  keys: readonly Readonly<Record<string, unknown>>[],
  table: FeatureTable,
  nowMs: number,
): object {
  return {
    service: service.name,
    features: table.names,
    rows: table.rows.map((row, n) => ({
      key: keys[n],
      values: valuesJson(service, row),
      states: jsonObject(service.features.map(({ name }, i) => [name, row.states[i]!])),
      freshness: freshnessJson(service, row, nowMs),
    })),
  }
}

function valuesJson(service: Readable, row: FeatureRow): Json {
  return jsonObject(
    service.features.map(({ name, type }, i) => [name, toJson(type, row.values[i] as Value)]),
  )
}

function freshnessJson(service: Readable, row: FeatureRow, nowMs: number): Json {
  return jsonObject(
    service.parts.map(({ view }, part) => {
      const i = service.features.findIndex((feature) => feature.part === part)
      const newestNs = row.newestNs[i] ?? null
      return [
        view.name,
        {
          newest: newestNs === null ? null : formatTimestamp(newestNs),
          ageMs: newestNs === null ? null : nowMs - msOf(newestNs),
          edge: formatTimestamp(row.edgeNs[i]!),
        },
      ]
    }),
  )
}
