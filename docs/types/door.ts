/**
 * What becomes of a value: the code that serves, asked about one field of one event.
 *
 * An event of a source with the fields `at`, a Timestamp, and `v`, of the type in question, goes
 * through the decoder of the shards if it is msgpack, and through the conversion of JSON if it is
 * text.
 */
import { objectSchemaOf } from '../../src/define/schema.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import type { Source } from '../../src/model/catalog.ts'
import { convertEvent, type Problem } from '../../src/model/convert.ts'
import { formatTimestamp } from '../../src/model/timestamp.ts'
import type { DataType, Field, Value } from '../../src/model/types.ts'
import { createEventDecoder, isProblem } from '../../src/validate/decoder.ts'
import { intForms, mapForms, textForms } from './msgpack-forms.ts'
import { digitsOf, quoted, type Sample } from './samples.ts'

/** A value, or why there is none and at which place of the event. */
export type Verdict =
  { readonly value: Value } | { readonly code: ErrorCode; readonly path: string }

/** The field that samples are put into. */
export const sampleField = 'v'

/** Milliseconds since 1970 of every event with a sample. */
const eventMs = 1_714_564_800_000

/** A source whose event time is `at` and whose field `v` has the type. */
export function sourceWith(type: DataType): Source {
  const fields: readonly Field[] = [
    { name: 'at', type: { kind: 'Timestamp', nullable: false } },
    { name: sampleField, type },
  ]
  return {
    name: 'samples',
    index: 0,
    fields,
    timestampField: 'at',
    dedupe: { by: 'sequence' },
    offline: false,
    schema: objectSchemaOf(fields, 'closed'),
    identity: 'samples',
    routes: [0],
  }
}

/** The event that has a sample in its field, by one of the sample's msgpack encodings. */
export function eventOfForm(form: Uint8Array): Uint8Array {
  const at = [textForms('at')[0]!, intForms(BigInt(eventMs))[0]!] as const
  const fields = form.length === 0 ? [at] : [at, [textForms(sampleField)[0]!, form] as const]
  return mapForms(fields)[0]!
}

/** The same as JSON. */
export function eventOfJson(json: string): string {
  return json === '' ? `{"at": ${eventMs}}` : `{"at": ${eventMs}, "${sampleField}": ${json}}`
}

/** The answer for a sample, the same for all its encodings. */
export type Door = (sample: Sample) => Verdict

/** @throws Error  When two encodings of a sample, or its JSON, are answered differently. */
export function createDoor(type: DataType): Door {
  const event = createEventDoor(sourceWith(type))
  return ({ name, forms, json }) => {
    const whole = {
      name,
      forms: forms.map((form) => eventOfForm(form)),
      json: json === null ? null : eventOfJson(json),
    }
    const verdict = event(whole)
    if ('code' in verdict) return verdict
    return { value: (verdict.value as Readonly<Record<string, Value>>)[sampleField]! }
  }
}

/** Answers for samples that are whole events. */
export function createEventDoor(source: Source): (event: Omit<Sample, 'brief'>) => Verdict {
  const decoder = createEventDecoder(source)

  function ofMsgpack(bytes: Uint8Array): Verdict {
    const decoded = decoder.decode(bytes, 0, bytes.length)
    return isProblem(decoded) ? refusal(decoded) : { value: decoded.values }
  }

  function ofJson(text: string): Verdict {
    const problems: Problem[] = []
    const wire = JSON.parse(text) as Readonly<Record<string, unknown>>
    const value = convertEvent(source.fields, wire, problems)
    return problems.length > 0 ? refusal(problems[0]!) : { value }
  }

  return ({ name, forms, json }) => {
    const verdicts = forms.map((form) => ofMsgpack(form))
    if (json !== null) verdicts.push(ofJson(json))
    const texts = verdicts.map((verdict) =>
      'code' in verdict ? `${verdict.code} ${verdict.path}` : notationOf(verdict.value),
    )
    if (new Set(texts).size !== 1) throw new Error(`${name} is ${texts.join(', ')}`)
    return verdicts[0]!
  }
}

function refusal({ code, path }: Problem): Verdict {
  return { code, path }
}

/** A value as the tables show it. */
export function notationOf(value: Value, type?: DataType): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return digitsOf(value)
  if (typeof value === 'bigint') {
    return type?.kind === 'Timestamp' ? formatTimestamp(value) : String(value)
  }
  if (typeof value === 'string') return quoted(value)
  if (Array.isArray(value)) return `[${value.map((one: Value) => notationOf(one)).join(', ')}]`
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, Value>)]
    return `Map {${entries.map(([key, one]) => `${quoted(key)} => ${notationOf(one)}`).join(', ')}}`
  }
  const fields = Object.entries(value as Readonly<Record<string, Value>>)
  return `{${fields.map(([name, one]) => `${name}: ${notationOf(one)}`).join(', ')}}`
}
