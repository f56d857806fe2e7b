/**
 * A realtime view's function, run for one key at a time: user code, so nothing it does may escape.
 *
 * In: the canonical values of its request fields and of its inputs. Out: the values of its
 * features, or a sentence that says why there are none. What its row has beyond them is dropped.
 * Thread: of realtime views.
 */
import { reasonOfThrown, runUserCode } from '../base/user-context.ts'
import type { Catalog, RealtimeView } from '../model/catalog.ts'
import type { RealtimeOutcome } from '../model/contracts.ts'
import { convertValue, pointer, type Problem } from '../model/convert.ts'
import type { Value } from '../model/types.ts'
import { ownFields, promiseProblem, rowSentence } from './user-code.ts'

/** Computes the features of one key. */
export type RealtimeFunction = (values: readonly Value[]) => RealtimeOutcome

export function createRealtimeFunction(catalog: Catalog, view: RealtimeView): RealtimeFunction {
  const { features, transform } = view
  const places = placesOf(catalog, view)
  const groups = [...new Set(places.map(({ group }) => group))]
  const allNull: RealtimeOutcome = { values: features.map(() => null) }

  function compute(values: readonly Value[]): RealtimeOutcome {
    const input: Record<string, Record<string, Value>> = emptyRecord()
    input[requestGroup] = emptyRecord()
    for (const group of groups) input[group] ??= emptyRecord()
    for (const [n, { group, name }] of places.entries()) input[group]![name] = values[n]!
    const result: unknown = transform(input)
    if (result === null) return allNull
    const promised = promiseProblem(result, 'realtime view')
    if (promised !== null) return { failure: promised }
    const own = ownFields(result)
    if ('code' in own) return { failure: rowSentence(own) }
    const problems: Problem[] = []
    const made = features.map(({ name, type }) =>
      convertValue(type, own.fields[name], pointer('', name), problems, 'computed'),
    )
    return problems.length > 0 ? { failure: rowSentence(problems[0]!) } : { values: made }
  }

  return (values) => {
    try {
      return runUserCode(compute, values)
    } catch (thrown) {
      return { failure: reasonOfThrown(thrown) }
    }
  }
}

const requestGroup = 'request'

/** Where each value goes in the function's input. */
function placesOf(
  { views }: Catalog,
  { requestFields, inputs, parts }: RealtimeView,
): readonly { readonly group: string; readonly name: string }[] {
  return [
    ...requestFields.map(({ name }) => ({ group: requestGroup, name })),
    ...inputs.map(({ part: at, feature }) => {
      const { namespace, view } = parts[at]!
      return { group: namespace, name: views[view]!.features[feature]!.name }
    }),
  ]
}

/** A field may be named like something that every object inherits. */
function emptyRecord<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>
}
