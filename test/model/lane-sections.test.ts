import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LaneSections, lanePart } from '../../src/model/lane-sections.ts'
import { createSectionEvent, readSection, readSectionEvent } from '../../src/model/section.ts'

/** An event for a shard: its key in whole words, and where it stands. */
interface Written {
  readonly shard: number
  readonly key: readonly number[]
  readonly start: number
}

function write(sections: LaneSections, batches: readonly (readonly Written[])[]): void {
  for (const [position, events] of batches.entries()) {
    const shards = new Set(events.map(({ shard }) => shard))
    for (const shard of shards) sections.writer(shard).open(1, 2, position, 1000 + position, 0)
    for (const [index, { shard, key, start }] of events.entries()) {
      const words = Int32Array.from(key)
      sections.writer(shard).event(index, index, words, 4 * key.length, start, start + 3)
    }
    for (const shard of shards) sections.writer(shard).close()
  }
}

/** What a lane finds for each of its shards, batch by batch. */
function read(buffer: SharedArrayBuffer, shards: number): unknown[][] {
  const words = new Int32Array(buffer)
  const view = new DataView(buffer)
  return Array.from({ length: shards }, (_, place) => {
    const { start, end } = lanePart(words, place)
    const found: unknown[] = []
    for (let at = start; at < end;) {
      const section = readSection(view, at)
      let next = section.start
      for (let n = 0; n < section.events; n++) {
        const event = createSectionEvent()
        next = readSectionEvent(words, next, event)
        const key = [...new Int32Array(buffer, event.keyStart, event.keyBytes / 4)]
        found.push([section.position, event.index, key, event.start])
      }
      assert.equal(next, section.end)
      at = section.end
    }
    return found
  })
}

function wanted(batches: readonly (readonly Written[])[], shards: number): unknown[][] {
  return Array.from({ length: shards }, (_, place) =>
    batches.flatMap((events, position) =>
      events.flatMap(({ shard, key, start }, index) =>
        shard === place ? [[position, index, key, start]] : [],
      ),
    ),
  )
}

test('each shard finds its sections, however unevenly they grow, and when filled again', () => {
  const shards = 3
  const event = fc.record({
    shard: fc.nat({ max: shards - 1 }),
    // The longest do not fit into a new part.
    key: fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { maxLength: 1500 }),
    start: fc.nat({ max: 2 ** 20 }),
  })
  const batches = fc.array(fc.array(event, { minLength: 1, maxLength: 20 }), { maxLength: 5 })
  fc.assert(
    fc.property(batches, batches, (first, second) => {
      const sections = new LaneSections(shards)
      for (const each of [first, second]) {
        write(sections, each)
        assert.deepEqual(read(sections.close(), shards), wanted(each, shards))
        sections.clear()
      }
    }),
    { seed: 42, numRuns: 60 },
  )
})
