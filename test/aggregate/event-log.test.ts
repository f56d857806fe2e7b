import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventLog } from '../../src/aggregate/event-log.ts'
import type { TimeRange } from '../../src/aggregate/window.ts'
import { RowBatch } from '../../src/model/rows.ts'
import type { Field, Value } from '../../src/model/types.ts'

const fields: readonly Field[] = [
  { name: 'n', type: { kind: 'Int64', nullable: true } },
  { name: 'x', type: { kind: 'Float64', nullable: true } },
  { name: 's', type: { kind: 'String', nullable: true } },
  {
    name: 'a',
    type: { kind: 'Array', element: { kind: 'Int64', nullable: true }, nullable: true },
  },
]
const plan = { tileMs: 1000, reachMs: 60_000 }
const always: TimeRange = { fromMs: -1e9, fromNs: 0, toMs: 1e9, toNs: 0 }

interface Event {
  readonly slot: number
  readonly ms: number
  readonly ns: number
  readonly values: readonly Value[]
}

function append(log: EventLog, events: readonly Event[]): void {
  const rows = new RowBatch(fields)
  rows.reset(new Uint8Array(0), events.length)
  for (const [i, { slot, ms, ns, values }] of events.entries()) {
    rows.timeMs[i] = ms
    rows.timeNs[i] = ns
    rows.columns.forEach((column, c) => column.set(i, values[c]!))
    log.append(slot, rows, i, rows.columns)
  }
}

function read(fill: (rows: RowBatch) => void): unknown[] {
  const rows = new RowBatch(fields)
  fill(rows)
  return Array.from({ length: rows.count }, (_, i) => [
    rows.timeMs[i],
    rows.timeNs[i],
    ...rows.columns.map((column) => column.get(i)),
  ])
}

/** By tile, each in the order given: between tiles there is none. */
function byTileOf(events: readonly unknown[]): readonly unknown[] {
  const tileOf = (event: unknown): number => Math.floor((event as [number])[0] / plan.tileMs)
  return events.toSorted((a, b) => tileOf(a) - tileOf(b))
}

const plainOf = ({ ms, ns, values }: Event): unknown[] => [ms, ns, ...values]

const event: fc.Arbitrary<Event> = fc.record({
  slot: fc.integer({ min: 1, max: 3 }),
  ms: fc.integer({ min: -3000, max: 3000 }),
  ns: fc.constantFrom(0, 1, 999_999),
  values: fc.tuple(
    fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    fc.option(fc.double({ noNaN: true })),
    fc.option(fc.string()),
    fc.option(fc.array(fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })))),
  ) as fc.Arbitrary<readonly Value[]>,
})

test('events come back as they went in, by slot, in the order of their arrival', () => {
  const property = fc.property(fc.array(event), (events) => {
    const log = new EventLog(fields, plan)
    log.growSlots(4)
    append(log, events)
    for (const slot of [1, 2, 3]) {
      const own = events.filter((each) => each.slot === slot)
      assert.deepEqual(
        byTileOf(read((rows) => log.collect(slot, always, rows))),
        byTileOf(own.map(plainOf)),
      )
    }
  })
  fc.assert(property, { seed: 42, numRuns: 200 })
})

test('what is being stored is in chunks by tile, and is found beside what came later', () => {
  const property = fc.property(fc.array(event), fc.array(event), (before, after) => {
    const log = new EventLog(fields, plan)
    log.growSlots(4)
    append(log, before)
    log.beginStoring()
    append(log, after)
    for (const slot of [1, 2, 3]) {
      const [stored, growing] = [before, after].map((list) => list.filter((e) => e.slot === slot))
      const chunks = log.chunksOf(slot)
      const back = read((rows) => {
        for (const { bytes } of chunks) log.collectStored(bytes, always, rows)
      })
      const tileOf = ({ ms }: Event): number => Math.floor(ms / plan.tileMs)
      const tiles = [...new Set(stored!.map(tileOf))]
      assert.deepEqual(
        chunks.map(({ tile }) => tile).toSorted((a, b) => a - b),
        tiles.toSorted((a, b) => a - b),
      )
      assert.deepEqual(byTileOf(back), byTileOf(stored!.map(plainOf)))
      const both = [...stored!, ...growing!]
      assert.deepEqual(
        byTileOf(read((rows) => log.collect(slot, always, rows))),
        byTileOf(both.map(plainOf)),
      )
    }
    log.endStoring()
    for (const slot of [1, 2, 3]) {
      const left = after.filter((each) => each.slot === slot)
      assert.deepEqual(
        byTileOf(read((rows) => log.collect(slot, always, rows))),
        byTileOf(left.map(plainOf)),
      )
    }
    append(log, [])
    assert.equal(log.bytes > 0, after.length > 0)
  })
  fc.assert(property, { seed: 42, numRuns: 200 })
})

test('a range begins behind its first nanosecond and ends with its last', () => {
  const log = new EventLog(fields, plan)
  log.growSlots(2)
  const at = (ms: number, ns: number): Event => ({
    slot: 1,
    ms,
    ns,
    values: [1n, null, null, null],
  })
  append(log, [at(9, 999_999), at(10, 5), at(10, 6), at(11, 0), at(12, 7), at(12, 8), at(13, 0)])
  const within = { fromMs: 10, fromNs: 5, toMs: 12, toNs: 7 }
  const times = read((rows) => log.collect(1, within, rows)).map((row) =>
    (row as number[]).slice(0, 2),
  )
  assert.deepEqual(times, [
    [10, 6],
    [11, 0],
    [12, 7],
  ])
})

test('an event is found by its slot and time, while it is held and when it is stored', () => {
  const property = fc.property(fc.array(event, { maxLength: 400 }), fc.nat(), (events, cut) => {
    const log = new EventLog(fields, plan)
    log.growSlots(4)
    append(log, events.slice(0, cut))
    log.beginStoring()
    append(log, events.slice(cut))
    const known = new Set(events.map(({ slot, ms, ns }) => `${slot} ${ms} ${ns}`))
    const stored = [1, 2, 3].map((slot) => log.chunksOf(slot).map(({ bytes }) => bytes))
    for (const { ms, ns } of events) {
      for (const slot of [1, 2, 3]) {
        assert.equal(log.holds(slot, ms, ns), known.has(`${slot} ${ms} ${ns}`))
        assert.equal(log.holds(slot, ms + 0.5, ns), false)
        const isIn = events.slice(0, cut).some((e) => e.slot === slot && e.ms === ms && e.ns === ns)
        const chunks = stored[slot - 1]!
        assert.equal(
          chunks.some((chunk) => log.isInStored(chunk, ms, ns)),
          isIn,
        )
      }
    }
  })
  fc.assert(property, { seed: 42, numRuns: 60 })
})
