/**
 * What a request of the get-features family asks for, from its `params`.
 *
 * Says only what form a request must have: which service there is, and which keys it takes, is
 * for `services.ts` and `keys.ts`.
 */
import type { LeadingEdge } from '../../model/catalog.ts'
import { parseTimestamp } from '../../model/timestamp.ts'
import { flagOf, mapOf, memberOf, requestInvalid, textOf, type Members } from './members.ts'

/** What is read: a feature service or a feature view, by its name or its id. */
export interface Target {
  readonly kind: 'FeatureService' | 'FeatureView'
  readonly by: 'name' | 'id'
  readonly value: string
  /** For the message; empty when the request names none. */
  readonly workspace: string
}

/** One vector. */
export interface AskedRow {
  readonly joinKeys: Members
  readonly context: Members
}

/** What is told beside the values. */
export interface MetadataOptions {
  readonly names: boolean
  readonly effectiveTimes: boolean
  /** Types as one word, of older clients. */
  readonly types: boolean
  readonly dataTypes: boolean
  readonly sloInfo: boolean
  readonly servingStatus: boolean
  readonly descriptions: boolean
  readonly tags: boolean
}

export interface RequestOptions {
  /** @defaultValue as each view says */
  readonly leadingEdge?: LeadingEdge
  /** Where windows end that end at the latest event, ns. @defaultValue where each view's do */
  readonly watermarkNs?: bigint
  /** After so long, what is there is answered, ms. @defaultValue the limit of the server */
  readonly budgetMs?: number
  readonly coerceNullCountsToZero: boolean
}

export interface Asked {
  readonly target: Target
  readonly metadata: MetadataOptions
  readonly options: RequestOptions
}

/** What the path of a request says, where it does. */
export interface Place {
  readonly workspace: string
  readonly name: string
}

const params = memberOf('params')
const workspaceName = memberOf('workspace_name')
const targets = (
  [
    ['FeatureService', 'name', 'feature_service_name'],
    ['FeatureService', 'id', 'feature_service_id'],
    ['FeatureView', 'name', 'feature_view_name'],
    ['FeatureView', 'id', 'feature_view_id'],
    ['FeatureView', 'name', 'feature_package_name'],
    ['FeatureView', 'id', 'feature_package_id'],
  ] as const
).map(([kind, by, name]) => ({ kind, by, name, member: memberOf(name) }))
const joinKeyMap = memberOf('join_key_map')
const requestContextMap = memberOf('request_context_map')
const requestData = memberOf('request_data')
const metadataOptions = memberOf('metadata_options')
const metadataFlags: Readonly<Record<keyof MetadataOptions, Flag>> = {
  names: flagNamed('include_names'),
  effectiveTimes: flagNamed('include_effective_times'),
  types: flagNamed('include_types'),
  dataTypes: flagNamed('include_data_types'),
  sloInfo: flagNamed('include_slo_info'),
  servingStatus: flagNamed('include_serving_status'),
  descriptions: flagNamed('include_feature_descriptions'),
  tags: flagNamed('include_feature_tags'),
}
const requestOptions = memberOf('request_options')
const aggregationLeadingEdge = memberOf('aggregation_leading_edge')
const highWatermarkOverride = memberOf('high_watermark_override')
const latencyBudgetMs = memberOf('latency_budget_ms')
const coerceNullCountsToZero = memberOf('coerce_null_counts_to_zero')

const leadingEdges = new Map<unknown, LeadingEdge>([
  ['AGGREGATION_MODE_WALL_CLOCK_TIME', 'wall-clock'],
  ['AGGREGATION_MODE_LATEST_EVENT_TIME', 'latest-event'],
])

/** The `params` of a body; where the path says what is read, they may be the body itself. */
export function paramsOf(body: unknown, place: Place | null): Members {
  const members = mapOf(body, 'body')
  const given = params(members)
  if (given === undefined && place === null) throw requestInvalid('params', 'is missing')
  return given === undefined ? members : mapOf(given, 'params')
}

export function askedOf(given: Members, place: Place | null): Asked {
  return {
    target: targetOf(given, place),
    metadata: metadataOf(mapOf(metadataOptions(given), 'metadata_options')),
    options: optionsOf(mapOf(requestOptions(given), 'request_options')),
  }
}

/** The vector of a single request. */
export function rowOf(given: Members): AskedRow {
  return {
    joinKeys: mapOf(joinKeyMap(given), 'join_key_map'),
    context: mapOf(requestContextMap(given), 'request_context_map'),
  }
}

/** The vectors of a batch, in their order. */
export function rowsOf(given: Members): AskedRow[] {
  const data = requestData(given)
  if (!Array.isArray(data)) throw requestInvalid('request_data', 'is not an array of objects')
  return data.map((row: unknown, n) => rowOf(mapOf(row, `request_data[${n}]`)))
}

export function targetOf(given: Members, place: Place | null): Target {
  const workspace = textOf(workspaceName(given), 'workspace_name') ?? ''
  if (place !== null) {
    return { kind: 'FeatureService', by: 'name', value: place.name, workspace: place.workspace }
  }
  const named = targets.flatMap(({ kind, by, name, member }) => {
    const value = textOf(member(given), name)
    return value === null ? [] : [{ kind, by, value, workspace }]
  })
  if (named.length === 1) return named[0]!
  throw requestInvalid('feature_service_name', 'exactly one name or id has to be set')
}

function metadataOf(given: Members): MetadataOptions {
  const flag = (option: keyof MetadataOptions): boolean => metadataFlags[option](given)
  return {
    names: flag('names'),
    effectiveTimes: flag('effectiveTimes'),
    types: flag('types'),
    dataTypes: flag('dataTypes'),
    sloInfo: flag('sloInfo'),
    servingStatus: flag('servingStatus'),
    descriptions: flag('descriptions'),
    tags: flag('tags'),
  }
}

/** Whether a flag of the metadata options is set. */
type Flag = (options: Members) => boolean

function flagNamed(name: string): Flag {
  const member = memberOf(name)
  return (options) => flagOf(member(options), `metadata_options.${name}`)
}

function optionsOf(given: Members): RequestOptions {
  const edge = aggregationLeadingEdge(given)
  const leadingEdge = leadingEdges.get(edge)
  if (edge !== undefined && leadingEdge === undefined) {
    const known = [...leadingEdges.keys()].join(', ')
    throw requestInvalid('request_options.aggregation_leading_edge', `is not one of ${known}`)
  }
  const watermarkNs = instantOf(highWatermarkOverride(given))
  const budgetMs = budgetOf(latencyBudgetMs(given))
  const coerces = coerceNullCountsToZero(given)
  return {
    ...(leadingEdge === undefined ? {} : { leadingEdge }),
    ...(watermarkNs === null ? {} : { watermarkNs }),
    ...(budgetMs === null ? {} : { budgetMs }),
    coerceNullCountsToZero: flagOf(coerces, 'request_options.coerce_null_counts_to_zero'),
  }
}

function instantOf(given: unknown): bigint | null {
  if (given === undefined) return null
  const ns = typeof given === 'string' ? parseTimestamp(given) : null
  if (ns !== null) return ns
  throw requestInvalid('request_options.high_watermark_override', 'is not an RFC 3339 timestamp')
}

/** A number, or its decimal text. */
function budgetOf(given: unknown): number | null {
  if (given === undefined) return null
  const isText = typeof given === 'string' && /^\d{1,15}$/.test(given)
  const ms = isText ? Number(given) : given
  if (typeof ms === 'number' && Number.isFinite(ms) && ms > 0) return ms
  throw requestInvalid('request_options.latency_budget_ms', 'is not a positive number')
}
