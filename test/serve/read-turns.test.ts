import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  readQuestionsAskedMax,
  readQuestionsMax,
  readQuestionsSmall,
} from '../../src/base/limits.ts'
import { ReadTurns } from '../../src/serve/read-turns.ts'

const large = readQuestionsAskedMax / 2

/** Reads that run until they are answered, and which of them have begun. */
function setUp() {
  const turns = new ReadTurns()
  const begun: string[] = []
  const answers = new Map<string, () => void>()
  return {
    begun,
    read: (name: string, count: number): Promise<string> =>
      turns.during(count, () => {
        begun.push(name)
        return new Promise((resolve) => answers.set(name, () => resolve(name)))
      }),
    answer: (name: string) => answers.get(name)!(),
  }
}

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })

test('so many are asked at a time, others begin in their order, one in each turn', async () => {
  const { read, answer, begun } = setUp()
  const reads = ['a', 'b', 'c', 'd', 'e'].map((name) => read(name, large))
  assert.deepEqual(begun, ['a', 'b'])
  answer('b')
  await reads[1]
  await turn()
  assert.deepEqual(begun, ['a', 'b', 'c'])
  answer('a')
  answer('c')
  await Promise.all([reads[0], reads[2]])
  assert.deepEqual(begun, ['a', 'b', 'c'])
  await turn()
  assert.deepEqual(begun, ['a', 'b', 'c', 'd'])
  await turn()
  assert.deepEqual(begun, ['a', 'b', 'c', 'd', 'e'])
  answer('d')
  answer('e')
  assert.deepEqual(await Promise.all(reads), ['a', 'b', 'c', 'd', 'e'])
})

test('a small read waits for none, and one that is larger than all has its turn', async () => {
  const { read, answer, begun } = setUp()
  const first = read('first', large)
  const huge = read('huge', 10 * large)
  const small = read('small', readQuestionsSmall)
  assert.deepEqual(begun, ['first', 'small'])
  answer('first')
  await first
  await turn()
  assert.deepEqual(begun, ['first', 'small', 'huge'])
  answer('huge')
  answer('small')
  assert.deepEqual(await Promise.all([huge, small]), ['huge', 'small'])
})

test('a read that fails makes room like any other', async () => {
  const turns = new ReadTurns()
  const failing = turns.during(2 * large, () => Promise.reject(new Error('lost')))
  const next = turns.during(2 * large, () => Promise.resolve('answered'))
  await assert.rejects(failing, /lost/)
  assert.equal(await next, 'answered')
})

test('beyond the bound reads are refused, small ones a little later', async () => {
  const { read } = setUp()
  const opened = [read('all', readQuestionsMax)]
  await assert.rejects(read('more', readQuestionsSmall + 1), { code: 'OVERLOADED' })
  for (let left = readQuestionsMax / 10; left > 0; left -= readQuestionsSmall) {
    opened.push(read('small', readQuestionsSmall))
  }
  await assert.rejects(read('one', 1), { code: 'OVERLOADED' })
  assert.equal(opened.length, 1 + readQuestionsMax / 10 / readQuestionsSmall)
})
