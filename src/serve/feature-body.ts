/**
 * The body of a feature read: one object per key, with each value under its feature's name.
 *
 * Freshness stands per view, because all features of a view come from the same events; those of a
 * realtime view come from no events of their own. An age is
 * negative when an event's clock is ahead of ours. The text is put together by hand: what is the
 * same in every answer of a service is made once, and nothing is built only to be written down.
 */
import type {
  FeatureRow,
  FeatureState,
  FeatureTable,
  QueriedFeatureTable,
} from '../model/contracts.ts'
import { floatText } from '../model/float-json.ts'
import { formatTimestamp, msOf } from '../model/timestamp.ts'
import type { DataType, Value } from '../model/types.ts'
import { jsonObject, toJson } from './json.ts'
import type { Readable } from './services.ts'

/** An answer to be written. */
export interface FeatureAnswer {
  /** As they were given; `table.rows[n]` answers `keys[n]`. */
  readonly keys: readonly Readonly<Record<string, unknown>>[]
  readonly table: FeatureTable
  /** The time from which ages are counted. */
  readonly nowMs: number
}

/** Writes the answers of one service, as JSON. */
export type FeatureBody = (answer: FeatureAnswer) => string

export function createFeatureBody(service: Readable): FeatureBody {
  const names = service.features.map(({ name }) => name)
  const head = `{"service":${quoted(service.name)},"features":${JSON.stringify(names)},"rows":[`
  const writeValues = createValues(service)
  const writeStates = createStates(names)
  const writeFreshness = createFreshness(service)
  return ({ keys, table, nowMs }) => {
    let text = head
    for (const [n, row] of table.rows.entries()) {
      text += n === 0 ? '{"key":' : ',{"key":'
      text += JSON.stringify(keys[n])
      text += writeValues(row)
      text += writeStates(row)
      text += writeFreshness(row, nowMs)
      text += row.failures === undefined ? '}' : `,"failures":${JSON.stringify(row.failures)}}`
    }
    return `${text}]}`
  }
}

/** The keys that a query has found, as an answer shows them. */
export function keysJson({ joinKeys, keys }: QueriedFeatureTable): FeatureAnswer['keys'] {
  return keys.map((values) =>
    jsonObject(joinKeys.map(({ name, type }, n) => [name, toJson(type, values[n]!)])),
  )
}

function createValues({ features }: Readable): (row: FeatureRow) => string {
  const titles = features.map(({ name }, i) => `${i === 0 ? '' : ','}${quoted(name)}:`)
  return ({ values }) => {
    let text = ',"values":{'
    for (let i = 0; i < titles.length; i++) {
      text += titles[i]! + valueText(features[i]!.type, values[i] as Value)
    }
    return text
  }
}

/** Most rows have one state throughout: its text is made once. */
function createStates(names: readonly string[]): (row: FeatureRow) => string {
  const textOf = (states: readonly FeatureState[]): string => {
    const members = states.map((state, i) => `${quoted(names[i]!)}:"${state}"`)
    return `},"states":{${members.join(',')}},"freshness":{`
  }
  const uniform = new Map<FeatureState, string>()
  return ({ states }) => {
    const first = states[0]
    if (first === undefined || states.some((state) => state !== first)) return textOf(states)
    let text = uniform.get(first)
    if (text === undefined) uniform.set(first, (text = textOf(states)))
    return text
  }
}

function createFreshness(service: Readable): (row: FeatureRow, nowMs: number) => string {
  const stored = service.features.filter(({ isRealtime }) => !isRealtime)
  const views = [...new Set(stored.map(({ namespace }) => namespace))].map((namespace, n) => ({
    title: `${n === 0 ? '' : ','}${quoted(namespace)}:{"newest":`,
    feature: service.features.findIndex((feature) => feature.namespace === namespace),
  }))
  // Mostly the rows of an answer have one edge, and so do answers of the same millisecond.
  let edgeNs: bigint | null = null
  let edgeText = ''
  return (row, nowMs) => {
    let text = ''
    for (const { title, feature } of views) {
      const newestNs = row.newestNs[feature] ?? null
      if (row.edgeNs[feature] !== edgeNs) {
        edgeNs = row.edgeNs[feature]!
        edgeText = formatTimestamp(edgeNs)
      }
      text += title
      text +=
        newestNs === null
          ? 'null,"ageMs":null'
          : `"${formatTimestamp(newestNs)}","ageMs":${nowMs - msOf(newestNs)}`
      text += `,"edge":"${edgeText}"}`
    }
    return `${text}}`
  }
}

function valueText(type: DataType, value: Value): string {
  if (value === null) return 'null'
  switch (type.kind) {
    case 'Int64':
      return `"${value as bigint}"`
    case 'Int32':
      return `${value as number}`
    case 'Float64':
    case 'Float32':
      return floatText(value as number)
    default:
      return JSON.stringify(toJson(type, value))
  }
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
