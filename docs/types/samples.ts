/**
 * Values as producers send them: how they are shown, every msgpack encoding, and their JSON text.
 *
 * Whoever reads one must give one answer for all its encodings. Where msgpack and JSON cannot say
 * the same, a value stands for one of them only.
 */
import { formatTimestamp } from '../../src/model/timestamp.ts'
import {
  arrayForms,
  binaryForms,
  bytesOf,
  extensionForms,
  floatForms,
  intForms,
  mapForms,
  singleForm,
  textForms,
  timestampForms,
} from './msgpack-forms.ts'

export interface Sample {
  /** Tells it from all others: `int 5`, or `JSON 5` for what only JSON can say. */
  readonly name: string
  /** Its msgpack encodings, one for one value; none for what only JSON can say. */
  readonly forms: readonly Uint8Array[]
  /** Its JSON text; null for what only msgpack can say. */
  readonly json: string | null
  /** What it says, in the notation of results, if there is one. */
  readonly brief: string
  /** Whether its name is words and not a notation. */
  readonly isWords?: true
}

/** A field that is not there: it has no bytes. */
export const absent: Sample = {
  name: 'absent',
  forms: [new Uint8Array(0)],
  json: '',
  brief: 'absent',
}

export const nil: Sample = { name: 'nil', forms: [bytesOf(0xc0)], json: 'null', brief: 'null' }

export function bool(value: boolean): Sample {
  const name = String(value)
  return { name, forms: [bytesOf(value ? 0xc3 : 0xc2)], json: name, brief: name }
}

/** An integer; JSON has those only that a double holds exactly, whoever reads it. */
export function int(value: bigint): Sample {
  const brief = String(value)
  const json = Number.isSafeInteger(Number(value)) ? brief : null
  return { name: `int ${brief}`, forms: intForms(value), json, brief }
}

/** A float, as its text; JSON has those that are finite. */
export function float(text: string): Sample {
  const value = Number(text)
  return {
    name: `float ${text}`,
    forms: floatForms(value),
    json: Number.isFinite(value) ? text : null,
    brief: digitsOf(value),
  }
}

/** A float of 32 bits, whose value is not the one that a double of the same text has. */
export function single(text: string): Sample {
  const value = Math.fround(Number(text))
  return { name: `float32 ${text}`, forms: [singleForm(value)], json: null, brief: digitsOf(value) }
}

export function text(value: string): Sample {
  const brief = quoted(value)
  return { name: `str ${brief}`, forms: textForms(value), json: brief, brief }
}

/** Text that only msgpack has, by its bytes in hexadecimal. */
export function textOfBytes(hex: string): Sample {
  return { ...opaque(`str ${hex}`), forms: textForms(bytesOfHex(hex)) }
}

export function binary(hex: string): Sample {
  return {
    ...opaque(hex === '' ? 'bin of no bytes' : `bin ${hex}`),
    forms: binaryForms(bytesOfHex(hex)),
  }
}

/** A moment in nanoseconds since 1970; `shown` for one that no calendar has. */
export function timestamp(ns: bigint, shown?: string): Sample {
  return {
    ...opaque(`timestamp ${shown ?? formatTimestamp(ns)}`),
    forms: timestampForms(ns),
  }
}

/** An extension of any type and content. */
export function extension(type: number, hex: string): Sample {
  return { ...opaque(`ext ${type}: ${hex}`), forms: extensionForms(type, bytesOfHex(hex)) }
}

/** Bytes that only words describe. */
export function encoded(name: string, ...forms: readonly Uint8Array[]): Sample {
  return { ...opaque(name), forms, isWords: true }
}

/** A sample whose JSON stands for itself. */
export function inMsgpack(sample: Sample): Sample {
  return { ...sample, json: null }
}

/** What only JSON can say. */
export function json(source: string): Sample {
  return { name: `JSON ${source}`, forms: [], json: source, brief: source }
}

export function array(...elements: readonly Sample[]): Sample {
  const texts = elements.map((element) => element.json)
  const brief = `[${elements.map((element) => element.brief).join(', ')}]`
  return {
    name: brief,
    forms: arrayForms(elements.map(firstForm)),
    json: texts.includes(null) ? null : `[${texts.join(', ')}]`,
    brief,
  }
}

/** A map; keys that are strings here are strings there. JSON has only those, each once. */
export function map(...entries: readonly (readonly [string | Sample, Sample])[]): Sample {
  const keys = entries.map(([key]) => (typeof key === 'string' ? text(key) : key))
  const member = (n: number): string => `${keys[n]!.json}: ${entries[n]![1].json}`
  const brief = `{${entries.map(([, value], n) => `${keys[n]!.brief}: ${value.brief}`).join(', ')}}`
  const isJson =
    entries.every(([key, value]) => typeof key === 'string' && value.json !== null) &&
    new Set(keys.map((key) => key.name)).size === keys.length
  return {
    name: brief,
    forms: mapForms(entries.map(([, value], n) => [firstForm(keys[n]!), firstForm(value)])),
    json: isJson ? `{${entries.map((_, n) => member(n)).join(', ')}}` : null,
    brief,
  }
}

/** `value` within so many arrays of one element. */
export function nested(value: Sample, depth: number): Sample {
  return depth === 0 ? value : array(nested(value, depth - 1))
}

/** A number by its digits: all of them where others would leave room for its neighbours. */
export function digitsOf(value: number): string {
  if (Object.is(value, -0)) return '-0'
  return Number.isInteger(value) && Math.abs(value) < 1e20 ? String(BigInt(value)) : String(value)
}

/** Text in quotes and ASCII. */
export function quoted(value: string): string {
  return escaped(JSON.stringify(value))
}

/** Text in ASCII. */
export function escaped(text: string): string {
  return text.replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function opaque(name: string): Sample {
  return { name, forms: [], json: null, brief: name }
}

function firstForm(sample: Sample): Uint8Array {
  return sample.forms[0]!
}

function bytesOfHex(hex: string): Uint8Array {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex')
}
