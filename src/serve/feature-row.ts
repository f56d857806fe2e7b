/**
 * The answers of views to one key, put together in the order of a service's features.
 */
import type { FeatureRow, FeatureState, RealtimeOutcome } from '../model/contracts.ts'
import type { ReadResult } from '../model/message.ts'
import type { Value } from '../model/types.ts'
import type { Readable, ReadableRealtime } from './services.ts'

/** What a view has answered, or that its history is not complete. */
export type ViewAnswer = Omit<ReadResult, 'entity'> & {
  readonly entity: ReadResult['entity'] | 'backfilling'
}

/** What was answered: to the parts of the service, for one key after the other. */
export interface Answers {
  readonly results: readonly ViewAnswer[]
  /** By realtime view, and key. */
  readonly outcomes: readonly (readonly RealtimeOutcome[])[]
  /** When the read was asked for, ns since the epoch. */
  readonly edgeNs: bigint
}

/** The row of the key at a place. */
export function featureRow(service: Readable, answers: Answers, row: number): FeatureRow {
  const { results, outcomes } = answers
  const first = row * service.parts.length
  const values: Value[] = []
  const states: FeatureState[] = []
  const newestNs: (bigint | null)[] = []
  const edgeNs: bigint[] = []
  for (const { isRealtime, part, place } of service.features) {
    if (isRealtime) {
      const outcome = outcomes[part]![row]!
      const value = 'values' in outcome ? outcome.values[place]! : null
      states.push('failure' in outcome ? 'failed' : value === null ? 'null' : 'present')
      values.push(value)
      newestNs.push(null)
      edgeNs.push(answers.edgeNs)
      continue
    }
    const result = results[first + part]!
    const state = stateOf(result, place)
    states.push(state)
    values.push(state === 'present' ? result.values[place]! : null)
    newestNs.push(result.newestNs)
    edgeNs.push(result.edgeNs)
  }
  const answered = { values, states, newestNs, edgeNs }
  if (outcomes.length === 0) return answered
  const failures = failuresOf(service, outcomes, row)
  return failures === null ? answered : { ...answered, failures }
}

/** The input of a realtime view for the key at a place: request data, and others' features. */
export function realtimeInput(
  { parts }: Readable,
  { inputs, requestPlaces }: ReadableRealtime,
  results: readonly ViewAnswer[],
  requests: readonly (readonly Value[])[],
  row: number,
): readonly Value[] {
  const first = row * parts.length
  const values: Value[] = requestPlaces.map((place) => requests[row]![place]!)
  for (const { part, place } of inputs) {
    const result = results[first + part]!
    values.push(stateOf(result, place) === 'present' ? result.values[place]! : null)
  }
  return values
}

/** Why realtime views have failed for a key, by namespace; null when none has. */
function failuresOf(
  { realtime }: Readable,
  outcomes: readonly (readonly RealtimeOutcome[])[],
  row: number,
): Readonly<Record<string, string>> | null {
  let failures: Record<string, string> | null = null
  for (const [n, { namespace }] of realtime.entries()) {
    const outcome = outcomes[n]![row]!
    if ('failure' in outcome) (failures ??= {})[namespace] = outcome.failure
  }
  return failures
}

/**
 * Which of the states a feature of a stream view is in. Every state but `present` has the value
 * null, so a count over an empty window is null, not 0, and `empty` tells the two apart from a
 * count of nulls.
 */
export function stateOf(result: ViewAnswer, place: number): FeatureState {
  if (result.entity !== 'present') return result.entity
  if (!result.hasEvents[place]!) return 'empty'
  const value = result.values[place]
  if (value === undefined) return 'overflow'
  return value === null ? 'null' : 'present'
}
