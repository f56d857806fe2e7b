/**
 * Feast's `POST /get-online-features`: features for rows of keys, as columns.
 *
 * `results[n]` is the column of `metadata.feature_names[n]`: first the keys as they were asked for,
 * then the features. A list of features is read view by view, each by its own join keys.
 *
 * Thread: main.
 */
import type { FastifyInstance } from 'fastify'
import { MillraceError } from '../../base/errors.ts'
import type { Catalog, Service } from '../../model/catalog.ts'
import type { ReadPort, TypedFeatureTable } from '../../model/contracts.ts'
import type { DataType, Value } from '../../model/types.ts'
import { assertGranted, requires } from '../../serve/http-access.ts'
import { createErrorHandler, type HttpLog } from '../../serve/http-errors.ts'
import { refuseOtherMethods } from '../../serve/http.ts'
import { addJsonBody } from '../json-body.ts'
import { withLongFloats } from '../long-floats.ts'
import { parseOnlineRequest, type Column, type OnlineRequest } from './online-request.ts'
import { feastRefusal } from './refusal.ts'
import { onlineFeaturesOperation } from './operations.ts'
import { noTimeText, statusOf, timeText, valueText } from './values.ts'

export interface OnlineFeaturesOptions {
  readonly catalog: Catalog
  readonly read: ReadPort
  /** @throws MillraceError when features are not served any more. */
  readonly assertServing: () => void
  readonly log?: HttpLog
}

const path = '/get-online-features'

/** Adds the route, in a scope of its own: bodies and refusals are not those of other routes. */
export function addFeastServing(app: FastifyInstance, options: OnlineFeaturesOptions): void {
  const services = new Map(options.catalog.services.map((each) => [each.name, each]))
  void app.register((scope, _, done) => {
    scope.setErrorHandler(createErrorHandler(options.log, feastRefusal))
    addJsonBody(scope)
    scope.post(path, requires('read-features', onlineFeaturesOperation), async (asking, reply) => {
      options.assertServing()
      const request = parseOnlineRequest(asking.body)
      const parts = partsOf(services, request)
      for (const { service } of parts) {
        assertGranted(asking, 'read-features', { service: service.name })
      }
      assertColumns(parts, request.columns)
      const columns = featureNames(parts, request.hasFullNames)
      const tables = await Promise.all(parts.map((part) => readPart(options.read, part, request)))
      reply.header('content-type', 'application/json; charset=utf-8')
      return answerText(request, parts, tables, columns)
    })
    refuseOtherMethods(scope, [path], ['POST'])
    done()
  })
}

/** Some features of a service. */
interface Part {
  readonly service: Service
  /** Places in the service's features. */
  readonly places: readonly number[]
}

function partsOf(
  services: ReadonlyMap<string, Service>,
  { features }: OnlineRequest,
): readonly Part[] {
  const find = (name: string): Service => {
    const service = services.get(name)
    if (service === undefined) throw new MillraceError('FEATURES_UNKNOWN', { name })
    return service
  }
  if ('service' in features) {
    const service = find(features.service)
    return [{ service, places: [...service.features.keys()] }]
  }
  const parts = new Map<string, { service: Service; places: number[] }>()
  for (const [n, { view, feature }] of features.list.entries()) {
    const part = parts.get(view) ?? { service: find(view), places: [] }
    parts.set(view, part)
    const place = part.service.features.findIndex(({ name }) => name === feature)
    if (place < 0) throw invalid(`features[${n}]`, `view "${view}" has no feature "${feature}"`)
    part.places.push(place)
  }
  return [...parts.values()]
}

/** Every column has to be for something, so that one that is misspelt is not passed over. */
function assertColumns(parts: readonly Part[], columns: readonly Column[]): void {
  const taken = parts.flatMap(({ service: { joinKeys, requestFields } }) =>
    [...joinKeys, ...requestFields].map(({ name }) => name),
  )
  const unknown = columns.find(({ name }) => !taken.includes(name))
  if (unknown !== undefined) throw invalid(`entities.${unknown.name}`, 'is no join key of these')
}

/** The names of the features, in their order. */
function featureNames(parts: readonly Part[], hasFullNames: boolean): readonly string[] {
  const names = parts.flatMap(({ service, places }) =>
    places.map((place) => {
      const { part, name } = service.features[place]!
      const own = name.slice(name.indexOf('.') + 1)
      return hasFullNames ? `${service.parts[part]!.namespace}__${own}` : own
    }),
  )
  const twice = names.find((name, n) => names.indexOf(name) !== n)
  if (twice === undefined) return names
  throw invalid('features', `"${twice}" is there twice; ask for full_feature_names`)
}

function readPart(
  read: ReadPort,
  { service }: Part,
  { columns, rowCount }: OnlineRequest,
): Promise<TypedFeatureTable> {
  const keyed = columns.filter(({ name }) => service.joinKeys.some((key) => key.name === name))
  const asked = columns.flatMap(({ name, values }) => {
    const field = service.requestFields.find((of) => of.name === name)
    if (field === undefined) return []
    return [{ name, values: values.map((value) => withLongFloats(field.type, value)) }]
  })
  const rows = Array.from({ length: rowCount }, (_, n) => n)
  const requestData = rows.map((n) => rowOf(asked, n))
  return read.read(
    service.name,
    rows.map((n) => rowOf(keyed, n)),
    {
      isJson: true,
      takesNullKeys: true,
      ...(service.requestFields.length === 0 ? {} : { requestData }),
    },
  )
}

function rowOf(columns: readonly Column[], n: number): Readonly<Record<string, unknown>> {
  const row = Object.create(null) as Record<string, unknown>
  for (const { name, values } of columns) row[name] = values[n]
  return row
}

function answerText(
  { columns, rowCount }: OnlineRequest,
  parts: readonly Part[],
  tables: readonly TypedFeatureTable[],
  names: readonly string[],
): string {
  const joinKeys = parts.flatMap(({ service }) => service.joinKeys)
  const keys = columns.flatMap(({ name, values }) => {
    const key = joinKeys.find((each) => each.name === name)
    return key === undefined ? [] : [{ name, text: keyTexts(key.type, values).join() }]
  })
  const present = Array.from({ length: rowCount }, () => 'PRESENT')
  const noTimes = present.map(() => noTimeText)
  const results = keys.map(({ text }) => columnText(text, present, noTimes))
  for (const [n, { places }] of parts.entries()) {
    const { types, rows } = tables[n]!
    for (const place of places) {
      const type = types[place]!
      const values = rows.map((row) => valueText(type, row.values[place] as Value))
      const statuses = rows.map(({ states }) => statusOf[states[place]!])
      const times = rows.map(({ newestNs }) => timeText(newestNs[place]!))
      results.push(columnText(values.join(), statuses, times))
    }
  }
  const all = [...keys.map(({ name }) => name), ...names]
  const metadata = JSON.stringify({ feature_names: all })
  return `{"metadata":${metadata},"results":[${results.join()}]}`
}

/** As they came; a long integer has come as text (`json-body.ts`), and goes as a number again. */
function keyTexts({ kind }: DataType, values: readonly unknown[]): string[] {
  const isInteger = kind === 'Int64' || kind === 'Int32'
  return values.map((value) => (isInteger ? String(value) : JSON.stringify(value)))
}

function columnText(values: string, statuses: readonly string[], times: readonly string[]): string {
  return (
    `{"values":[${values}],"statuses":${JSON.stringify(statuses)},` +
    `"event_timestamps":${JSON.stringify(times)}}`
  )
}

function invalid(path: string, reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path, reason })
}
