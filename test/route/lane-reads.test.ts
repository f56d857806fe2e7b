import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReadAbout, ReadQuery, ToShard } from '../../src/model/message.ts'
import { packAnswers } from '../../src/model/read-packing.ts'
import { LaneReads } from '../../src/route/lane-reads.ts'

type Asked = Extract<ToShard, { kind: 'read' }>

const about: ReadAbout = {
  view: 0,
  features: [0],
  leadingEdge: 'wall-clock',
  edgeMs: 0,
  watermarkMs: 0,
  watermarkNs: 0,
}

const questions = (keys: readonly number[]): ReadQuery[] =>
  keys.map((key) => ({ about, shard: 0, keyHash: 0, key: Uint8Array.of(key) }))

const many = Array.from({ length: 64 }, (_, key) => key)

/** The reads of a lane that answers when it is told to, each question with its key. */
function openReads() {
  const posted: Asked[] = []
  const reads = new LaneReads(0, (message) => posted.push(message as Asked))
  const valuesOf = async (keys: readonly number[]): Promise<unknown[]> =>
    (await reads.read(questions(keys))).map(({ values }) => values[0])
  const answer = (): void => {
    const { id, queries } = posted.shift()!
    const answers = [...queries.keys].map((key) => {
      const present = { entity: 'present', newestNs: null, edgeNs: 0n } as const
      return { ...present, values: [key], hasEvents: [true] }
    })
    reads.answered(id, packAnswers(queries, answers))
  }
  return { reads, posted, valuesOf, answer }
}

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })

test('reads of later turns wait for the message on its way, and then share the next', async () => {
  const { posted, valuesOf, answer } = openReads()
  const first = valuesOf([1])
  await turn()
  const later = [valuesOf([2]), valuesOf([3, 4])]
  await turn()
  assert.equal(posted.length, 1)
  answer()
  assert.equal(posted.length, 1, 'they are asked with the answer, not a turn later')
  assert.deepEqual(await first, [1])
  answer()
  assert.deepEqual(await Promise.all(later), [[2], [3, 4]])
  assert.equal(posted.length, 0)
})

test('many questions do not wait for the message on its way, but for the second one', async () => {
  const { posted, valuesOf, answer } = openReads()
  const reads = [valuesOf([1])]
  await turn()
  reads.push(valuesOf(many))
  await turn()
  assert.equal(posted.length, 2)
  reads.push(valuesOf(many))
  await turn()
  assert.equal(posted.length, 2)
  answer()
  assert.equal(posted.length, 2)
  answer()
  answer()
  assert.deepEqual(await Promise.all(reads), [[1], many, many])
})

test('what waits is asked when all is to be asked, and fails with the lane', async () => {
  const { reads, posted, valuesOf } = openReads()
  const asked = valuesOf([1])
  await turn()
  const waiting = valuesOf([2])
  await turn()
  reads.askAll()
  assert.equal(posted.length, 2)
  const late = valuesOf([3])
  const failure = new Error('gone')
  reads.fail(failure as never)
  for (const read of [asked, waiting, late]) await assert.rejects(read, /gone/)
})
