import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { recentBatchesMax, recentProducersMax } from '../../src/base/limits.ts'
import { RecentBatches } from '../../src/journal/recent-batches.ts'
import { openOn } from '../helpers/journals.ts'

const crcBefore = 77

function taken(sequence: number, events: readonly Uint8Array[], source = 'clicks') {
  const crcBehind = crc32(encode(events), crcBefore)
  return { source, sequence, count: events.length, crcBefore, crcBehind }
}

function repeat(sequence: number, events: readonly Uint8Array[], source = 'clicks') {
  return { source, sequence, count: events.length, payload: encode(events) }
}

const event = (n: number): Uint8Array => Uint8Array.of(n, n >>> 8)
const eventsFrom = (first: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, n) => event(first + n))

test('a repeat is the same however it is cut, and another where an event that it holds is', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(sizes, fc.nat(), fc.nat(), fc.nat(), (counts, a, b, c) => {
      const recent = new RecentBatches()
      const firsts: number[] = []
      let end = 0
      for (const count of counts) {
        recent.add(5, taken(end, eventsFrom(end, count)))
        firsts.push(end)
        end += count
      }
      const from = a % end
      const count = 1 + (b % (end - from))
      const events = eventsFrom(from, count)
      assert.equal(recent.differs(5, repeat(from, events)), null)
      assert.equal(recent.differs(6, repeat(from, events)), null)
      const changed = c % count
      events[changed] = Uint8Array.of(1, 2, 3)
      const batch = firsts.findLastIndex((first) => first <= from + changed)
      const [first, last] = [firsts[batch]!, firsts[batch]! + counts[batch]! - 1]
      const isWhole = first >= from && last < from + count
      assert.equal(recent.differs(5, repeat(from, events)), isWhole ? first : null)
    }),
    { seed: 42, numRuns: 500 },
  )
})

test('the same events for another source are others', () => {
  const recent = new RecentBatches()
  recent.add(0, taken(0, [event(1)]))
  assert.equal(recent.differs(0, repeat(0, [event(1)], 'orders')), 0)
})

test('of a repeat that is new from some event on, only what came before is compared', () => {
  const recent = new RecentBatches()
  recent.add(0, taken(0, [event(1)]))
  const partly = { ...repeat(0, [event(1), event(2)]), count: 1 }
  assert.equal(recent.differs(0, partly), null)
  assert.equal(recent.differs(0, { ...partly, ...repeat(0, [event(3)]) }), 0)
})

test('the newest 64 batches of a producer are known, and the newest 4096 producers', () => {
  const recent = new RecentBatches()
  for (let n = 0; n <= recentBatchesMax; n++) recent.add(0, taken(n, [event(n)]))
  assert.equal(recent.differs(0, repeat(0, [event(9999)])), null)
  assert.equal(recent.differs(0, repeat(1, [event(9999)])), 1)
  const newest = recentBatchesMax
  assert.equal(recent.differs(0, repeat(newest, [event(9999)])), newest)
  for (let n = 1; n <= recentProducersMax; n++) recent.add(n, taken(0, [event(0)]))
  assert.equal(recent.differs(0, repeat(newest, [event(9999)])), null)
  assert.equal(recent.differs(1, repeat(0, [event(9999)])), 0)
  recent.forget(1)
  assert.equal(recent.differs(1, repeat(0, [event(9999)])), null)
})

for (const source of [0, -1]) {
  test(`a restarted journal knows its newest batches, of source ${source}`, async () => {
    const first = await openOn()
    const opening = first.journal.openProducer('p', null)
    assert.ok(opening.kind === 'new')
    const { id: producer, epoch } = opening.producer
    const sourceName = source === 0 ? 'clicks' : 'stray'
    const batch = { source, sourceName, producer, epoch, sequence: 0, count: 3 }
    first.journal.append({ ...batch, payload: encode(eventsFrom(0, 3)) })
    const right = repeat(0, eventsFrom(0, 3), sourceName)
    const wrong = repeat(0, eventsFrom(1, 3), sourceName)
    assert.equal(first.journal.differs(producer, right), null)
    assert.equal(first.journal.differs(producer, wrong), 0)
    await first.journal.close()
    const { journal } = await openOn(first.disk)
    assert.equal(journal.differs(producer, right), null)
    assert.equal(journal.differs(producer, wrong), 0)
    journal.openProducer('p', null)
    assert.equal(journal.differs(producer, wrong), null)
  })
}
