/**
 * What an ingest request is answered with: how many rows each feature view has counted, or an error
 * for every record that is wrong.
 *
 * Counts are text, as the platform writes 64-bit integers, and what is zero is left out. Members
 * that the platform does not have stand behind its own: its clients pass over what they do not
 * know.
 */
import type { Catalog, View } from '../../model/catalog.ts'
import type { SourceEvents } from '../../model/contracts.ts'
import { missedCodes, type PushRejection } from '../../model/rejection.ts'
import type { Refused } from '../all-or-none.ts'

interface FeatureViewMetrics {
  readonly featureViewName: string
  readonly onlineRecordIngestCount?: string
  readonly featureViewId: string
}

/** One of each online view of the sources of a request, by name. */
export function metricsOf(
  catalog: Catalog,
  batches: readonly SourceEvents[],
  rows: ReadonlyMap<string, number>,
): { readonly featureViewIngestMetrics: readonly FeatureViewMetrics[] } {
  const meant = new Set(batches.map(({ source }) => source))
  return {
    featureViewIngestMetrics: subscribed(catalog, meant).map(({ name, identity }) => {
      const count = rows.get(name) ?? 0
      const counted = count === 0 ? {} : { onlineRecordIngestCount: String(count) }
      return { featureViewName: name, ...counted, featureViewId: identity }
    }),
  }
}

/** The online views of some sources. */
function subscribed({ views, sources }: Catalog, names: ReadonlySet<string>): readonly View[] {
  return views.filter((view) => view.online && names.has(sources[view.source]!.name))
}

interface RecordError {
  readonly featureViewName?: string
  readonly pushSourceName: string
  readonly errorType: 'TectonObjectValidationError'
  readonly errorMessage: string
  /** Place of the record among those of its source, an error code of ours, and a JSON pointer. */
  readonly recordIndex: number
  readonly code: string
  readonly path: string
}

export function recordErrorsOf(
  catalog: Catalog,
  refused: readonly Refused[],
): { readonly recordErrors: readonly RecordError[] } {
  return {
    recordErrors: refused.flatMap(({ source, rejections }) => {
      const views = subscribed(catalog, new Set([source])).map(({ name }) => name)
      return rejections.flatMap((rejection) => errorsOf(source, rejection, views))
    }),
  }
}

/** One for each view that a record is too late for; else one. */
function errorsOf(
  source: string,
  rejection: PushRejection,
  views: readonly string[],
): readonly RecordError[] {
  const { index: recordIndex, code, path, message } = rejection
  // One that was published is not told of which views it was too late for.
  const isMissed = missedCodes.some((each) => each === code)
  const late = isMissed ? (rejection.views ?? views) : []
  const error = { pushSourceName: source, errorType: 'TectonObjectValidationError' } as const
  const place = { recordIndex, code, path }
  if (late.length === 0) {
    return [{ ...error, errorMessage: path === '' ? message : `${path}: ${message}`, ...place }]
  }
  return late.map((featureViewName) => {
    const errorMessage =
      'timestamp value is outside of the serving TTL defined for Feature View ' + featureViewName
    return { featureViewName, ...error, errorMessage, ...place }
  })
}
