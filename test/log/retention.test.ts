import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expiredSegments, type RetentionOptions } from '../../src/log/retention.ts'
import type { Segment } from '../../src/log/segment.ts'
import { appendNext, openOn, payloadOf, readAll } from '../helpers/journals.ts'
import { randomNumbers } from '../helpers/random.ts'

// position  0        100       200       300   350
//           |  a     |   b     |   c     | d   |
// created   1000     2000      3000      4000
const segments: Segment[] = ['a', 'b', 'c', 'd'].map((path, i) => ({
  path,
  start: i * 100,
  end: i < 3 ? (i + 1) * 100 : 350,
  createdMs: (i + 1) * 1000,
}))

function expired(options: Partial<RetentionOptions>): string {
  const all = { keepFrom: 1000, bytesMax: Infinity, ageMsMax: Infinity, nowMs: 5000, ...options }
  return expiredSegments(segments, all, Infinity)
    .map(({ path }) => path)
    .join('')
}

test('segments go while the log is larger than asked', () => {
  assert.equal(expired({ bytesMax: 350 }), '')
  assert.equal(expired({ bytesMax: 349 }), 'a')
  assert.equal(expired({ bytesMax: 150 }), 'ab')
  assert.equal(expired({ bytesMax: 149 }), 'abc')
})

test('a segment is as old as the one after it, and goes when that is older than asked', () => {
  assert.equal(expired({ ageMsMax: 3000 }), '')
  assert.equal(expired({ ageMsMax: 2999 }), 'a')
  assert.equal(expired({ ageMsMax: 1500 }), 'ab')
})

test('the last segment stays, however old and large', () => {
  assert.equal(expired({ bytesMax: 0, ageMsMax: 0, nowMs: 1e15 }), 'abc')
  const all = { keepFrom: 1, bytesMax: 0, ageMsMax: 0, nowMs: 1 }
  assert.deepEqual(expiredSegments([], all, Infinity), [])
})

test('beyond a number of segments the oldest go, but for those that are needed', () => {
  const all = { keepFrom: 1000, bytesMax: Infinity, ageMsMax: Infinity, nowMs: 5000 }
  const paths = (keepFrom: number, segmentsMax: number): string[] =>
    expiredSegments(segments, { ...all, keepFrom }, segmentsMax).map(({ path }) => path)
  assert.deepEqual(paths(1000, 4), [])
  assert.deepEqual(paths(1000, 2), ['a', 'b'])
  assert.deepEqual(paths(100, 2), ['a'])
})

test('a segment that a shard may still need stays, and all behind it', () => {
  assert.equal(expired({ bytesMax: 0, keepFrom: 200 }), 'ab')
  assert.equal(expired({ bytesMax: 0, keepFrom: 199 }), 'a')
  assert.equal(expired({ bytesMax: 0, keepFrom: 0 }), '')
})

test('retired segments are removed one at a time, and the log goes on without them', async () => {
  const { journal, disk, clock } = await openOn(undefined, { segmentBytes: 200 })
  const batches = []
  for (let i = 0; i < 12; i++) {
    batches.push(appendNext(journal, payloadOf(60, i)))
    clock.advance(1000)
  }
  await journal.whenFlushed(journal.end)
  const before = [...journal.segments]
  assert.ok(before.length > 3)
  const keepFrom = before[2]!.start + 1
  const from = disk.operations.length
  const options = { keepFrom, bytesMax: 0, ageMsMax: Infinity, nowMs: clock.nowMs() }
  const deleted = await journal.retire(options)
  assert.deepEqual(deleted, before.slice(0, 2))
  assert.deepEqual(
    disk.operations.slice(from).map(({ kind }) => kind),
    ['directory', 'remove', 'directory', 'remove', 'directory'],
  )
  assert.deepEqual(journal.segments, before.slice(2))
  assert.equal(journal.start, before[2]!.start)
  await assert.rejects(readAll(journal, before[1]!.start), { code: 'JOURNAL_CORRUPT' })

  const rest = batches.filter(({ position }) => position > journal.start)
  assert.deepEqual(await readAll(journal), rest)
  await journal.close()
  const again = await openOn(disk)
  assert.deepEqual(await readAll(again.journal), rest)
  assert.deepEqual(again.journal.producers.state(), journal.producers.state())
})

test('a retirement that fails anywhere can be made again, and no crash leaves a gap', async () => {
  const { journal, disk, clock } = await openOn(undefined, { segmentBytes: 200 })
  for (let i = 0; i < 12; i++) appendNext(journal, payloadOf(60, i))
  await journal.whenFlushed(journal.end)
  const count = journal.segments.length
  const options = { keepFrom: Infinity, bytesMax: 0, ageMsMax: Infinity, nowMs: clock.nowMs() }
  const full = Object.assign(new Error('too many open files'), { code: 'EMFILE' })
  let turn = 0
  disk.before = (kind) => {
    if (kind === 'directory' && turn++ % 2 === 1) throw full
  }
  const random = randomNumbers(7)
  let failures = 0
  while (journal.segments.length > 1) {
    await journal.retire(options).catch((thrown: unknown) => {
      assert.equal(thrown, full)
      failures += 1
    })
    for (let n = 0; n < 8; n++) await openOn(disk.afterPowerLoss(random))
  }
  assert.ok(failures >= count - 2)
})
