import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Collector, type BatchLimits } from '../../src/client/collector.ts'
import { PublishCall } from '../../src/client/receipt.ts'
import { decodeClientFrame } from '../../src/wire/protocol.ts'
import { eventsOf, expectKind } from './support.ts'

const wide: BatchLimits = { events: 1000, bytes: 100_000, frameBytesMax: 100_000 }

function add(collector: Collector, source: string, events: readonly unknown[]): PublishCall {
  const call = new PublishCall(events.length)
  collector.add(source, events, call)
  return call
}

/** Takes everything out as `[source, sequence, events]`, the way it would be sent. */
function drained(collector: Collector): [string, number, unknown[]][] {
  const frames: [string, number, unknown[]][] = []
  let sequence = 0
  for (let open = collector.next(true); open !== undefined; open = collector.next(true)) {
    collector.take(open)
    const sealed = open.seal(sequence)
    const frame = expectKind(decodeClientFrame(sealed.frame)!, 'publish')
    assert.equal(frame.count, sealed.count)
    frames.push([frame.source, frame.sequence, eventsOf(frame)])
    sequence += sealed.count
  }
  assert.equal(collector.events, 0)
  assert.equal(collector.bytes, 0)
  return frames
}

const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ n: from + i }))

describe('the collector', () => {
  it('puts the calls for a source into one batch, and sources into batches of their own', () => {
    const collector = new Collector(wide)
    add(collector, 'a', [{ n: 1 }])
    add(collector, 'b', [{ n: 2 }])
    add(collector, 'a', [{ n: 3 }, { n: 4 }])
    assert.deepEqual(drained(collector), [
      ['a', 0, [{ n: 1 }, { n: 3 }, { n: 4 }]],
      ['b', 3, [{ n: 2 }]],
    ])
  })

  it('shows full batches at once and open ones when they are due', () => {
    const collector = new Collector({ ...wide, events: 2 })
    add(collector, 'a', [{ n: 1 }])
    assert.equal(collector.next(false), undefined)
    add(collector, 'a', [{ n: 2 }])
    assert.equal(collector.next(false)?.count, 2)
  })

  it('keeps the order of a source and the bounds on events', () => {
    const collector = new Collector({ ...wide, events: 4 })
    add(collector, 'a', numbered(0, 3))
    add(collector, 'a', numbered(3, 7))
    const frames = drained(collector)
    assert.deepEqual(
      frames.map(([, sequence]) => sequence),
      [0, 4, 8],
    )
    assert.deepEqual(
      frames.flatMap(([, , events]) => events),
      numbered(0, 10),
    )
  })

  it('keeps the bound on bytes, for frames of more than one event', () => {
    const collector = new Collector({ events: 1000, bytes: 400, frameBytesMax: 2000 })
    const texts = [150, 150, 150, 1500, 10].map((length) => ({ text: 'x'.repeat(length) }))
    add(collector, 'a', texts)
    const frames = drained(collector)
    assert.deepEqual(
      frames.map(([, , events]) => events.length),
      [2, 1, 1, 1],
    )
    assert.deepEqual(
      frames.flatMap(([, , events]) => events),
      texts,
    )
  })

  it('takes nothing of a call that it cannot encode', () => {
    const collector = new Collector({ ...wide, events: 4 })
    const good = add(collector, 'a', numbered(0, 3))
    assert.throws(() => add(collector, 'a', [...numbered(3, 6), { n: Symbol('bad') }]), {
      code: 'EVENT_ENCODE',
    })
    assert.throws(() => add(collector, 'b', [...numbered(3, 6), null]), { code: 'EVENT_ENCODE' })
    add(collector, 'a', numbered(3, 1))
    assert.deepEqual(drained(collector), [['a', 0, numbered(0, 4)]])
    good.acknowledged(true)
  })

  it('refuses an event that no frame can hold', () => {
    const collector = new Collector({ ...wide, bytes: 100, frameBytesMax: 1000 })
    assert.throws(() => add(collector, 'a', [{ n: 1 }, { text: 'x'.repeat(1000) }]), {
      code: 'EVENT_TOO_LARGE',
    })
    assert.deepEqual(drained(collector), [])
  })

  it('deals what is collected anew when the server allows less', async () => {
    const collector = new Collector(wide)
    const call = add(collector, 'a', numbered(0, 10))
    add(collector, 'b', [{ n: 1 }])
    collector.close()
    add(collector, 'a', [{ text: 'x'.repeat(300) }, { n: 5 }])
    collector.limit({ events: 4, bytes: 300, frameBytesMax: 1000 })
    assert.equal(collector.events, 13)
    const frames = drained(collector)
    assert.deepEqual(
      frames.map(([source, , events]) => [source, events.length]),
      [
        ['a', 4],
        ['a', 4],
        ['a', 2],
        ['b', 1],
        ['a', 1],
        ['a', 1],
      ],
    )
    for (let i = 0; i < 3; i++) call.acknowledged(true)
    assert.equal((await call.receipt).lastSequence, 9)
  })
})
