/**
 * Answers of the get-features family, as JSON.
 *
 * One vector: `{"result": {"features": […]}, "metadata": {…}}`, with nothing else in `result`; of
 * a batch, `result` is a list, and what stands in `metadata` once per vector is a list as well. The
 * metadata have what was asked for and nothing else. The text is put together by hand: this is the
 * way of every read.
 */
import type { Feature, View } from '../../model/catalog.ts'
import type { FeatureRow, FeatureState } from '../../model/contracts.ts'
import { formatTimestamp, msOf, nsOf } from '../../model/timestamp.ts'
import type { Field, Value } from '../../model/types.ts'
import { foundKeys } from './metadata.ts'
import type { MetadataOptions } from './request.ts'
import type { ServedFeature, ServedService } from './services.ts'
import { dataTypeOf, typeWordOf } from './types.ts'
import { countText, valueText } from './values.ts'

/** A vector; or that there is none in time, which is then the status of each of its features. */
export type AnsweredRow = FeatureRow | 'TIME_OUT'

export interface Answer {
  readonly rows: readonly AnsweredRow[]
  readonly metadata: MetadataOptions
  readonly coerceNullCountsToZero: boolean
  /** From the request to the answer, and in the shards, seconds. */
  readonly serverSeconds: number
  readonly storeSeconds: number
}

/** Writes the answers of one service. */
export interface AnswerWriter {
  /** Of the one row. */
  single(answer: Answer): string
  batch(answer: Answer): string
  /** Of the keys that were found; `keys[n]` of `rows[n]`, in the order of `foundKeys`. */
  query(answer: Answer, keys: readonly (readonly Value[])[]): string
}

export function createAnswerWriter(service: ServedService): AnswerWriter {
  const writers = service.features.map(createFeatureWriter)
  const found = foundKeys(service)

  const valuesText = (row: AnsweredRow, coerces: boolean): string => {
    let text = '['
    for (const [i, { writeValue }] of writers.entries()) {
      text += i === 0 ? writeValue(row, coerces) : `,${writeValue(row, coerces)}`
    }
    return `${text}]`
  }

  const featuresText = (answer: Answer, isBatch: boolean): string => {
    const { metadata } = answer
    const { sloInfo: _sloInfo, ...ofFeatures } = metadata
    if (!Object.values(ofFeatures).includes(true)) return ''
    const texts = writers.map(({ writeMetadata }) => writeMetadata(answer, isBatch))
    return `"features":[${texts.join(',')}]`
  }

  return {
    single(answer) {
      const values = valuesText(answer.rows[0]!, answer.coerceNullCountsToZero)
      const slo = answer.metadata.sloInfo ? `"sloInfo":${sloText(answer, values.length)}` : ''
      const metadata = joined(featuresText(answer, false), slo)
      return `{"result":{"features":${values}}${metadataText(metadata)}}`
    },
    batch(answer) {
      const rows = answer.rows.map((row) => valuesText(row, answer.coerceNullCountsToZero))
      const result = rows.map((values) => `{"features":${values}}`).join(',')
      const metadata = joined(
        featuresText(answer, true),
        answer.metadata.sloInfo ? batchSloText(answer, rows) : '',
      )
      return `{"result":[${result}]${metadataText(metadata)}}`
    },
    query(answer, keys) {
      const results = answer.rows.map((row, n) => {
        const values = valuesText(row, answer.coerceNullCountsToZero)
        const key = found.map(({ type }, at) => valueText(type, keys[n]![at]!)).join(',')
        return `{"features":${values},"joinKeys":[${key}]}`
      })
      const metadata = joined(featuresText(answer, true), joinKeysText(found, answer.metadata))
      return `{"results":[${results.join(',')}]${metadataText(metadata)}}`
    },
  }
}

interface FeatureWriter {
  readonly writeValue: (row: AnsweredRow, coerces: boolean) => string
  readonly writeMetadata: (answer: Answer, isBatch: boolean) => string
}

function createFeatureWriter(served: ServedFeature): FeatureWriter {
  const { name, type, place } = served
  const feature = served.stored?.feature ?? null
  const isCount = isCounted(feature)
  const emptyValue = emptyValueOf(feature)
  const dataType = `"dataType":${JSON.stringify(dataTypeOf(type))}`
  const fixed = {
    name: `"name":${JSON.stringify(name)}`,
    type: `"type":"${typeWordOf(type)}"`,
    description: memberText('description', feature?.description),
    tags: memberText('tags', feature?.tags),
  }
  return {
    writeValue(row, coerces) {
      const hasNoEvents = typeof row !== 'string' && noEvents.has(row.states[place]!)
      const read = typeof row === 'string' ? null : (row.values[place] as Value)
      const value = hasNoEvents ? emptyValue : read
      return coerces && isCount ? countText(type, value) : valueText(type, value)
    },
    writeMetadata({ rows, metadata }, isBatch) {
      const statuses = metadata.servingStatus ? rows.map((row) => statusOf(served, row)) : []
      const status = isBatch ? JSON.stringify(statuses) : `"${statuses[0]}"`
      const members = joined(
        metadata.names ? fixed.name : '',
        metadata.effectiveTimes ? effectiveTimeText(served, rows) : '',
        metadata.dataTypes ? dataType : '',
        metadata.types ? fixed.type : '',
        metadata.servingStatus ? `"status":${status}` : '',
        metadata.descriptions ? fixed.description : '',
        metadata.tags ? fixed.tags : '',
      )
      return `{${members}}`
    },
  }
}

/** States of a known key that has no event in the window. */
const noEvents: ReadonlySet<FeatureState> = new Set(['empty', 'expired'])

/** What a known key has without events: the windows of a series are told one by one. */
function emptyValueOf(feature: Feature | null): Value {
  if (feature?.kind !== 'aggregate' || feature.window.kind !== 'series') return null
  const { sizeMs, fromMs, toMs, stepMs } = feature.window
  const count = (fromMs - toMs - sizeMs) / stepMs + 1
  return Array.from({ length: count }, () => null)
}

/** Whether the value is a number of things, and no things are none. */
function isCounted(feature: Feature | null): boolean {
  if (feature?.kind !== 'aggregate') return false
  return feature.fn.name === 'count' || feature.fn.name === 'approx_count_distinct'
}

/**
 * There is a row of the key in the view, or there is not. The platform keeps one for a week after
 * its last window, as we do, and forgets one of attributes at the end of its time to live. What is
 * computed is there, unless its function has failed.
 */
function statusOf({ place, stored }: ServedFeature, row: AnsweredRow): string {
  if (typeof row === 'string') return row
  const state: FeatureState = row.states[place]!
  if (state === 'failed') return 'UNKNOWN'
  if (state === 'unseen') return 'MISSING_DATA'
  if (state === 'expired' && stored?.feature.kind === 'attribute') return 'MISSING_DATA'
  return 'PRESENT'
}

/**
 * The time at which a value holds: where its window ends, in a view of whole tiles where the last
 * of them does; of an attribute, the event time of its row. Left out where no row has one, and for
 * what is computed as it is read.
 */
function effectiveTimeText({ place, stored }: ServedFeature, rows: readonly AnsweredRow[]): string {
  if (stored === null) return ''
  let latestNs: bigint | null = null
  for (const row of rows) {
    if (typeof row === 'string') continue
    const ns = stored.feature.kind === 'attribute' ? row.newestNs[place]! : row.edgeNs[place]!
    if (ns !== null && (latestNs === null || ns > latestNs)) latestNs = ns
  }
  if (latestNs === null) return ''
  const timeNs = wholeMicroseconds(tileEnd(stored.view, latestNs))
  return `"effectiveTime":"${formatTimestamp(timeNs)}"`
}

function tileEnd({ mode, intervalMs }: View, edgeNs: bigint): bigint {
  if (mode !== 'interval') return edgeNs
  const ms = msOf(edgeNs)
  return nsOf(Math.floor(ms / intervalMs) * intervalMs, 0)
}

/** Not before the instant: clients read no more than six digits. */
function wholeMicroseconds(ns: bigint): bigint {
  const rest = ((ns % 1000n) + 1000n) % 1000n
  return rest === 0n ? ns : ns + 1000n - rest
}

/** There is no DynamoDB here to have answered with any bytes. */
function sloText({ serverSeconds, storeSeconds }: Answer, valueBytes: number): string {
  return (
    `{"sloEligible":true,"sloServerTimeSeconds":${serverSeconds},"dynamodbResponseSizeBytes":0,` +
    `"serverTimeSeconds":${serverSeconds},"storeMaxLatency":${storeSeconds},` +
    `"storeResponseSizeBytes":${valueBytes}}`
  )
}

function batchSloText(answer: Answer, rows: readonly string[]): string {
  const { serverSeconds, storeSeconds } = answer
  const each = rows.map((values) => sloText(answer, values.length)).join(',')
  return (
    `"sloInfo":[${each}],"batchSloInfo":{"sloEligible":true,` +
    `"sloServerTimeSeconds":${serverSeconds},"serverTimeSeconds":${serverSeconds},` +
    `"storeMaxLatency":${storeSeconds}}`
  )
}

function joinKeysText(keys: readonly Field[], { names, dataTypes }: MetadataOptions): string {
  if (!names && !dataTypes) return ''
  const told = keys.map(({ name, type }) => ({
    ...(names ? { name } : {}),
    ...(dataTypes ? { dataType: dataTypeOf(type) } : {}),
  }))
  return `"joinKeys":${JSON.stringify(told)}`
}

function metadataText(members: string): string {
  return members === '' ? '' : `,"metadata":{${members}}`
}

function memberText(name: string, value: unknown): string {
  return value === undefined ? '' : `"${name}":${JSON.stringify(value)}`
}

/** The members that there are, with commas between. */
function joined(...members: readonly string[]): string {
  return members.filter((each) => each !== '').join(',')
}
