import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ReadAbout, ReadFailure, ReadQuery, ReadResult } from '../../src/model/message.ts'
import {
  packAnswers,
  packQueries,
  QueryCursor,
  unpackAnswers,
} from '../../src/model/read-packing.ts'
import type { Value } from '../../src/model/types.ts'

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })

const plain = { noNullPrototype: true }

const about = fc.record<ReadAbout>(
  {
    view: fc.nat(9),
    features: fc.array(fc.nat(99), { maxLength: 4 }),
    leadingEdge: fc.constantFrom('wall-clock', 'latest-event'),
    edgeMs: fc.integer(),
    watermarkMs: fc.constantFrom(-Infinity, 0, 1.7e12),
    watermarkNs: fc.nat(999_999),
  },
  plain,
)

const key = fc.record({
  about: fc.nat(2),
  shard: fc.nat(255),
  keyHash: word,
  key: fc.uint8Array({ maxLength: 20 }),
})

const queries = fc
  .record({ abouts: fc.tuple(about, about, about), keys: fc.array(key, { maxLength: 8 }) })
  .map(({ abouts, keys }): ReadQuery[] =>
    keys.map((each) => ({ ...each, about: abouts[each.about]! })),
  )

const value = fc.oneof(
  fc.double(),
  int64,
  fc.constantFrom<(Value | undefined)[]>(null, undefined, true, false, '', 'text', [1n, null]),
)

/** An answer to a question about so many features. */
const answerOf = (features: number): fc.Arbitrary<ReadResult | ReadFailure> => {
  const list = <T>(each: fc.Arbitrary<T>) =>
    fc.array(each, { minLength: features, maxLength: features })
  return fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record<ReadResult>(
        {
          entity: fc.constantFrom('present', 'unseen', 'expired'),
          newestNs: fc.option(int64),
          edgeNs: int64,
          values: list(value),
          hasEvents: list(fc.boolean()),
        },
        plain,
      ),
    },
    { weight: 1, arbitrary: fc.constant({ failure: new Error('odd') }) },
  )
}

test('questions come out as they went in, however they share what they are about', () => {
  const property = fc.property(queries, (given) => {
    const walked: ReadQuery[] = []
    for (const cursor = new QueryCursor(packQueries([given])); cursor.next();) {
      const { about, shard, keyHash, bytes, keyStart, keyEnd } = cursor
      walked.push({ about, shard, keyHash, key: bytes.slice(keyStart, keyEnd) })
    }
    const asked = given.map(({ about, shard, keyHash, key }) => ({ about, shard, keyHash, key }))
    assert.deepEqual(walked, asked)
  })
  fc.assert(property, { seed: 1 })
})

test('answers come out as they went in, whatever their values are', () => {
  const asked = queries.chain((given) =>
    fc.record({
      given: fc.constant(given),
      answers: fc.tuple(...given.map(({ about }) => answerOf(about.features.length))),
    }),
  )
  const property = fc.property(asked, ({ given, answers }) => {
    const packed = packQueries([given])
    // As a message between threads arrives.
    const sent = structuredClone(packAnswers(structuredClone(packed), answers))
    assert.deepEqual(unpackAnswers(packed, sent), answers)
  })
  fc.assert(property, { seed: 1 })
})
