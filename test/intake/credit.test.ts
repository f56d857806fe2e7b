/**
 * Credit in a model of a daemon: it finishes so much in a millisecond, and flushes now and then.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { creditEventsMax, creditPerSecondStart, creditQueueMs } from '../../src/base/limits.ts'
import { Credit, type Flow } from '../../src/intake/credit.ts'

const batchEvents = 10

class Model {
  readonly clock = new ManualClock(0)
  readonly credit = new Credit(this.clock)
  /** Events finished in the last millisecond, by producer. */
  readonly finished = new Map<Flow, number>()
  readonly #perMs: number
  readonly #flushMs: number
  #queue: { readonly flow: Flow; readonly position: number; readonly sinceMs: number }[] = []
  #position = 0
  #flushed = 0
  /** How long the batch waited that was finished last, ms. */
  waitedMs = 0

  constructor(eventsPerSecond: number, flushMs: number) {
    this.#perMs = eventsPerSecond / 1000 / batchEvents
    this.#flushMs = flushMs
  }

  flow(): Flow {
    return { events: 0, most: 0 }
  }

  publish(flow: Flow, events: number): void {
    for (let left = events; left >= batchEvents; left -= batchEvents) {
      const position = ++this.#position
      this.#queue.push({ flow, position, sinceMs: this.clock.monotonicMs() })
      this.credit.taken(flow, batchEvents, position)
    }
  }

  /** As much as the credit allows. */
  fill(flow: Flow): void {
    this.publish(flow, this.credit.events - flow.events)
  }

  pass(): void {
    this.clock.advance(1)
    const nowMs = this.clock.monotonicMs()
    this.finished.clear()
    if (nowMs % this.#flushMs === 0) {
      this.#flushed = this.#position
      this.credit.flushed(this.#position)
    }
    for (let left = this.#perMs; left >= 1 && this.#queue.length > 0; left--) {
      const { flow, position, sinceMs } = this.#queue[0]!
      if (position > this.#flushed) break
      this.#queue.shift()
      this.waitedMs = nowMs - sinceMs
      this.finished.set(flow, (this.finished.get(flow) ?? 0) + batchEvents)
      this.credit.settled(flow, batchEvents)
    }
  }

  /** Events a second of each, over so long. */
  run(ms: number, publish: (ms: number) => void): ReadonlyMap<Flow, number> {
    const totals = new Map<Flow, number>()
    for (let n = 0; n < ms; n++) {
      publish(n)
      this.pass()
      for (const [flow, events] of this.finished) {
        totals.set(flow, (totals.get(flow) ?? 0) + (events * 1000) / ms)
      }
    }
    return totals
  }
}

for (const [eventsPerSecond, flushMs] of [
  [1_000_000, 2],
  [1_000_000, 20],
  [50_000, 2],
  [50_000, 100],
] as const) {
  const what = `${eventsPerSecond} events/s, a flush in ${flushMs} ms`
  test(`${what}: the daemon is busy, and nothing waits long`, () => {
    const model = new Model(eventsPerSecond, flushMs)
    const flow = model.flow()
    const fill = (): void => model.fill(flow)
    model.run(3000, fill)
    let worstMs = 0
    const rates = model.run(2000, () => {
      fill()
      worstMs = Math.max(worstMs, model.waitedMs)
    })
    assert.ok(rates.get(flow)! > 0.95 * eventsPerSecond, String(rates.get(flow)))
    assert.ok(worstMs <= 2 * flushMs + 1.5 * creditQueueMs, String(worstMs))
  })
}

test('who has little to say loses nothing to those who say all they can', () => {
  const model = new Model(500_000, 2)
  const [modest, ...greedy] = Array.from({ length: 4 }, () => model.flow())
  const publish = (): void => {
    model.publish(modest!, 20)
    for (const flow of greedy) model.fill(flow)
  }
  model.run(2000, publish)
  const rates = model.run(2000, publish)
  assert.ok(Math.abs(rates.get(modest!)! - 20_000) < 500, String(rates.get(modest!)))
  for (const flow of greedy) {
    const rate = rates.get(flow)!
    assert.ok(Math.abs(rate - 160_000) < 16_000, String(rate))
  }
  // A part of four would be less.
  assert.ok(model.credit.events > 500 * (2 + creditQueueMs) * 0.26, String(model.credit.events))
})

test('a daemon that is not kept busy is not thought to be slow', () => {
  const model = new Model(1_000_000, 2)
  const flow = model.flow()
  const before = model.credit.events
  model.run(5000, (ms) => {
    if (ms % 50 === 0) model.publish(flow, 100)
  })
  assert.ok(model.credit.events >= before, `${model.credit.events} of ${before}`)
})

test('what it does by and by is known again soon, and never beyond the bound', () => {
  const slow = new Model(20_000, 2)
  const flow = slow.flow()
  assert.ok(slow.credit.events <= (creditPerSecondStart * (1 + creditQueueMs)) / 1000)
  slow.run(1500, () => slow.fill(flow))
  assert.ok(slow.credit.events <= 20 * (4 + creditQueueMs), String(slow.credit.events))
  const fast = new Model(50_000_000, 20)
  const other = fast.flow()
  fast.run(3000, () => fast.fill(other))
  assert.equal(fast.credit.events, creditEventsMax)
})

test('a producer that is far away may have more on the way', () => {
  const model = new Model(1_000_000, 2)
  const flow = model.flow()
  const wayMs = 50
  /** Events that are on the way to the daemon, or their acknowledgements from it, by when. */
  const arriving = new Map<number, number>()
  const acknowledged = new Map<number, number>()
  let inFlight = 0
  const publish = (): void => {
    const nowMs = model.clock.monotonicMs()
    inFlight -= acknowledged.get(nowMs) ?? 0
    const sent = Math.max(0, model.credit.events - inFlight)
    inFlight += sent - (sent % batchEvents)
    arriving.set(nowMs + wayMs, sent)
    model.publish(flow, arriving.get(nowMs) ?? 0)
  }
  const run = (ms: number): number =>
    model
      .run(ms, () => {
        const done = model.finished.get(flow) ?? 0
        acknowledged.set(model.clock.monotonicMs() + wayMs, done)
        publish()
      })
      .get(flow)!
  run(5000)
  const rate = run(5000)
  // What keeps the daemon busy without a way would be a ninth of what it can do.
  assert.ok(rate > 250_000, String(rate))
})
