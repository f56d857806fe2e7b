/**
 * What an ingest request is answered with: how many rows each feature view has counted and how many
 * records each offline log will have, or an error for every record that is wrong.
 *
 * Counts are text, as the platform writes 64-bit integers, and what is zero is left out. Members
 * that the platform does not have stand behind its own: its clients pass over what they do not
 * know.
 */
import type { Catalog, View } from '../../model/catalog.ts'
import type { SourceEvents } from '../../model/contracts.ts'
import { missedCodes, type PushRejection } from '../../model/rejection.ts'
import type { Ingested, Refused } from '../all-or-none.ts'
import { idOf } from './ids.ts'

interface FeatureViewMetrics {
  readonly featureViewName: string
  readonly onlineRecordIngestCount?: string
  readonly featureViewId: string
}

interface DataSourceMetrics {
  readonly dataSourceName: string
  readonly offlineRecordIngestCount?: string
  readonly dataSourceId: string
}

export interface IngestMetrics {
  readonly featureViewIngestMetrics: readonly FeatureViewMetrics[]
  /** Left out where no source of the request has an offline log. */
  readonly dataSourceIngestMetrics?: readonly DataSourceMetrics[]
}

/** One of each online view, and of each source with an offline log, of those of a request. */
export function metricsOf(
  catalog: Catalog,
  batches: readonly SourceEvents[],
  { rows, accepted }: Pick<Ingested, 'rows' | 'accepted'>,
): IngestMetrics {
  const meant = new Set(batches.map(({ source }) => source))
  const views = subscribed(catalog, meant).map(({ name, identity }) => {
    const count = countOf('onlineRecordIngestCount', rows.get(name))
    return { featureViewName: name, ...count, featureViewId: identity }
  })
  const logged = catalog.sources.filter(({ name, offline }) => offline && meant.has(name))
  const sources = logged.map(({ name }) => {
    const count = countOf('offlineRecordIngestCount', accepted.get(name))
    return { dataSourceName: name, ...count, dataSourceId: idOf('data source', name) }
  })
  return {
    featureViewIngestMetrics: views,
    ...(sources.length === 0 ? {} : { dataSourceIngestMetrics: sources }),
  }
}

function countOf<N extends string>(name: N, count = 0): { readonly [K in N]?: string } {
  return (count === 0 ? {} : { [name]: String(count) }) as { readonly [K in N]?: string }
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
  const isLate = code !== 'EVENT_CARDINALITY' && missedCodes.some((each) => each === code)
  const late = isLate ? (rejection.views ?? views) : []
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
