import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerBytesMax } from '../../src/base/limits.ts'
import type { ReadAbout, ReadQuery, ReadResult } from '../../src/model/message.ts'
import { packQueries, unpackAnswers } from '../../src/model/read-packing.ts'
import type { Value } from '../../src/model/types.ts'
import { answerReads } from '../../src/shard/answer.ts'

const about: ReadAbout = {
  view: 0,
  features: [0],
  leadingEdge: 'wall-clock',
  edgeMs: 0,
  watermarkMs: 0,
  watermarkNs: 0,
}

/** Answers reads of keys of one byte, each with the value of its key. */
function answersTo(reads: readonly (readonly number[])[], values: readonly Value[]) {
  const looked: number[] = []
  const shard = {
    admit: () => undefined,
    read: (_: ReadAbout, { bytes, keyStart }: { bytes: Uint8Array; keyStart: number }) => {
      const key = bytes[keyStart]!
      looked.push(key)
      const found = { entity: 'present', newestNs: null, edgeNs: 0n, hasEvents: [true] } as const
      return { ...found, values: [values[key]!] } satisfies ReadResult
    },
  }
  const queries = packQueries(
    reads.map((keys) =>
      keys.map((key): ReadQuery => ({ about, shard: 0, keyHash: 0, key: Uint8Array.of(key) })),
    ),
  )
  const answers = unpackAnswers(queries, answerReads(new Map([[0, shard]]), queries))
  const told = answers.map((answer) => ('failure' in answer ? answer.failure : answer.values[0]))
  return { told, looked }
}

test('a read of too much is given up, and those of its message are answered', () => {
  const half = 'x'.repeat(answerBytesMax / 2)
  const { told, looked } = answersTo([[1], [0, 1, 0, 1], [1, 0]], [half, 'small'])
  assert.deepEqual(told, ['small', null, null, null, null, 'small', half])
  assert.deepEqual(looked, [1, 0, 1, 0, 1, 0])
})

test('lists, structs and maps count with all that they hold', () => {
  const numbers = Array.from({ length: answerBytesMax / 32 }, () => 0.5)
  for (const value of [[numbers], { a: numbers }, new Map([['a', numbers]])]) {
    const { told } = answersTo([[0, 0], [0, 0, 0, 0], [0]], [value])
    assert.deepEqual(
      told.map((each) => each === null),
      [false, false, true, true, true, true, false],
    )
  }
})
