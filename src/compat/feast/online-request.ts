/**
 * What a request for online features asks for: features by service or one by one, and the keys by
 * columns, each a list with one value for every row.
 */
import { MillraceError } from '../../base/errors.ts'
import { isWireMap } from '../../model/convert.ts'

export interface OnlineRequest {
  readonly features: FeatureReference
  readonly columns: readonly Column[]
  readonly rowCount: number
  /** Features go by `view__feature`, and not by their own names. */
  readonly hasFullNames: boolean
}

export type FeatureReference =
  | { readonly service: string }
  | { readonly list: readonly { readonly view: string; readonly feature: string }[] }

/** Values of a join key, or of request data, one for each row. */
export interface Column {
  readonly name: string
  readonly values: readonly unknown[]
}

type Body = Readonly<Record<string, unknown>>

/** @throws MillraceError `REQUEST_INVALID` */
export function parseOnlineRequest(body: unknown): OnlineRequest {
  if (!isWireMap(body)) throw invalid('body', 'is not an object')
  const own = (name: string): unknown => (Object.hasOwn(body, name) ? body[name] : undefined)
  const columns = columnsOf(own('entities'), 'entities')
  if (columns.length === 0) throw invalid('entities', 'is not an object with a list for each key')
  const context = columnsOf(own('request_context') ?? {}, 'request_context')
  const rowCount = columns[0]!.values.length
  for (const { name, values } of [...columns, ...context]) {
    if (values.length === rowCount) continue
    throw invalid(`entities.${name}`, `has ${values.length} values, and others ${rowCount}`)
  }
  const hasFullNames = own('full_feature_names') ?? false
  if (typeof hasFullNames !== 'boolean') {
    throw invalid('full_feature_names', 'is not true or false')
  }
  const features = referenceOf(own('feature_service') ?? null, own('features') ?? null)
  return { features, columns: [...columns, ...context], rowCount, hasFullNames }
}

function columnsOf(given: unknown, path: string): Column[] {
  if (!isWireMap(given)) throw invalid(path, 'is not an object with a list for each key')
  return Object.entries(given as Body).map(([name, values]) => {
    if (!Array.isArray(values)) throw invalid(`${path}.${name}`, 'is not a list')
    return { name, values }
  })
}

function referenceOf(service: unknown, features: unknown): FeatureReference {
  if (typeof service === 'string' && features === null) return { service }
  if (service !== null || !Array.isArray(features) || features.length === 0) {
    throw invalid('features', 'give a list of view:feature, or a feature_service')
  }
  return { list: features.map(parseFeature) }
}

function parseFeature(text: unknown, n: number): { view: string; feature: string } {
  const parts = typeof text === 'string' ? text.split(':') : []
  if (parts.length !== 2) throw invalid(`features[${n}]`, 'is not view:feature')
  return { view: parts[0]!, feature: parts[1]! }
}

function invalid(path: string, reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path, reason })
}
