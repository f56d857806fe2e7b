/**
 * Questions and answers of reads on their way between the main thread and a lane.
 *
 * A message between threads is taken apart and put together again, object by object, which for a
 * read of some features costs more than the read. So all questions of a turn travel as a few arrays
 * of numbers, and all answers: what comes out at the other end is what went in.
 *
 * Thread: any. Nothing is kept between two calls.
 */
import type {
  KeyAt,
  PackedAnswers,
  PackedQueries,
  ReadAbout,
  ReadFailure,
  ReadQuery,
  ReadResult,
} from './message.ts'
import type { Value } from './types.ts'

const wordsPerQuery = 4
const instantsPerAnswer = 2

/** @param reads  The questions of each. */
export function packQueries(reads: readonly (readonly ReadQuery[])[]): PackedQueries {
  const queries = reads.flat()
  const words = new Uint32Array(queries.length * wordsPerQuery)
  let bytes = 0
  for (const { key } of queries) bytes += key.length
  const keys = new Uint8Array(bytes)
  const abouts: ReadAbout[] = []
  let end = 0
  let at = 0
  for (const { about, shard, keyHash, key } of queries) {
    if (about !== abouts.at(-1)) abouts.push(about)
    keys.set(key, end)
    end += key.length
    words[at] = abouts.length - 1
    words[at + 1] = shard
    words[at + 2] = keyHash
    words[at + 3] = end
    at += wordsPerQuery
  }
  let count = 0
  const ends = Uint32Array.from(reads, ({ length }) => (count += length))
  return { abouts, words, keys, ends }
}

/** How many questions are packed. */
export function countQueries({ words }: PackedQueries): number {
  return words.length / wordsPerQuery
}

/** Walks packed questions: its members are those of the one that it stands on. */
export class QueryCursor implements KeyAt {
  about: ReadAbout
  shard = 0
  keyHash = 0
  keyStart = 0
  keyEnd = 0
  readonly bytes: Uint8Array
  readonly #packed: PackedQueries
  #at = 0

  constructor(packed: PackedQueries) {
    this.#packed = packed
    this.bytes = packed.keys
    this.about = packed.abouts[0]!
  }

  /** Steps onto the first question, and on to the next; false behind the last. */
  next(): boolean {
    const { abouts, words } = this.#packed
    const at = this.#at
    if (at === words.length) return false
    this.about = abouts[words[at]!]!
    this.shard = words[at + 1]!
    this.keyHash = words[at + 2]!
    this.keyStart = this.keyEnd
    this.keyEnd = words[at + 3]!
    this.#at += wordsPerQuery
    return true
  }
}

const entities = ['present', 'unseen', 'expired'] as const

/** What an answer knows of the entity: its place among those, and whether it has a newest event. */
const hasNewestBit = 4

/** What a value is, and whether its window held an event. */
const isNull = 0
const isBeyondRange = 1
const isDouble = 2
const isInteger = 3
const isOther = 4
const hasEventsBit = 8

/** The bytes of answers, seen in their types. */
class AnswerViews {
  /** Of `values` places that follow the instants of `answers`, the same bytes twice. */
  readonly doubles: Float64Array
  readonly integers: BigInt64Array
  /** By value, and by answer. */
  readonly kinds: Uint8Array
  readonly entities: Uint8Array

  static bytesOf(answers: number, values: number): number {
    return (instantsPerAnswer * answers + values) * 8 + values + answers
  }

  constructor(bytes: ArrayBuffer, answers: number, values: number) {
    const places = instantsPerAnswer * answers + values
    this.doubles = new Float64Array(bytes, 0, places)
    this.integers = new BigInt64Array(bytes, 0, places)
    this.kinds = new Uint8Array(bytes, places * 8, values)
    this.entities = new Uint8Array(bytes, places * 8 + values, answers)
  }
}

/**
 * Packs the answers to some questions, in their order. Integers and instants are within 64 bits, as
 * all that is counted is.
 */
export function packAnswers(
  packed: PackedQueries,
  answers: readonly (ReadResult | ReadFailure)[],
): PackedAnswers {
  const values = valueCount(packed)
  const bytes = new ArrayBuffer(AnswerViews.bytesOf(answers.length, values))
  const views = new AnswerViews(bytes, answers.length, values)
  const others: Value[] = []
  const failures: (ReadFailure & { at: number })[] = []
  let value = 0
  for (let at = 0; at < answers.length; at++) {
    const answer = answers[at]!
    const count = featureCount(packed, at)
    if ('failure' in answer) failures.push({ at, failure: answer.failure })
    else {
      const { entity, newestNs, edgeNs, hasEvents } = answer
      views.entities[at] = entities.indexOf(entity) | (newestNs === null ? 0 : hasNewestBit)
      views.integers[at * instantsPerAnswer] = newestNs ?? 0n
      views.integers[at * instantsPerAnswer + 1] = edgeNs
      const first = instantsPerAnswer * answers.length + value
      for (let n = 0; n < count; n++) {
        const kind = packValue(views, first + n, answer.values[n], others)
        views.kinds[value + n] = kind | (hasEvents[n] === true ? hasEventsBit : 0)
      }
    }
    value += count
  }
  return { bytes, others, failures }
}

/** @returns what the value is. */
function packValue(
  { doubles, integers }: AnswerViews,
  place: number,
  value: Value | undefined,
  others: Value[],
): number {
  if (typeof value === 'number') {
    doubles[place] = value
    return isDouble
  }
  if (typeof value === 'bigint') {
    integers[place] = value
    return isInteger
  }
  if (value === null) return isNull
  if (value === undefined) return isBeyondRange
  doubles[place] = others.push(value) - 1
  return isOther
}

/** @param packed  The questions, as they were sent. */
export function unpackAnswers(
  packed: PackedQueries,
  { bytes, others, failures }: PackedAnswers,
): (ReadResult | ReadFailure)[] {
  const count = queryCount(packed)
  const views = new AnswerViews(bytes, count, valueCount(packed))
  const answers: (ReadResult | ReadFailure)[] = []
  let value = 0
  for (let at = 0; at < count; at++) {
    const features = featureCount(packed, at)
    const values: (Value | undefined)[] = []
    const hasEvents: boolean[] = []
    for (let n = 0; n < features; n++) {
      const kind = views.kinds[value + n]!
      values.push(unpackValue(views, instantsPerAnswer * count + value + n, kind, others))
      hasEvents.push((kind & hasEventsBit) !== 0)
    }
    const known = views.entities[at]!
    const hasNewest = (known & hasNewestBit) !== 0
    answers.push({
      entity: entities[known & ~hasNewestBit]!,
      newestNs: hasNewest ? views.integers[at * instantsPerAnswer]! : null,
      edgeNs: views.integers[at * instantsPerAnswer + 1]!,
      values,
      hasEvents,
    })
    value += features
  }
  for (const { at, failure } of failures) answers[at] = { failure }
  return answers
}

function unpackValue(
  { doubles, integers }: AnswerViews,
  place: number,
  kind: number,
  others: readonly Value[],
): Value | undefined {
  switch (kind & ~hasEventsBit) {
    case isDouble:
      return doubles[place]!
    case isInteger:
      return integers[place]!
    case isBeyondRange:
      return undefined
    case isOther:
      return others[doubles[place]!]!
    default:
      return null
  }
}

function queryCount({ words }: PackedQueries): number {
  return words.length / wordsPerQuery
}

/** Of the question at a place. */
function featureCount({ abouts, words }: PackedQueries, at: number): number {
  return abouts[words[at * wordsPerQuery]!]!.features.length
}

/** Of all questions together. */
function valueCount(packed: PackedQueries): number {
  let count = 0
  for (let at = 0; at < queryCount(packed); at++) count += featureCount(packed, at)
  return count
}
