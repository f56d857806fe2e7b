/**
 * Rules by example, then a property: whatever is lost and repeated, a server that follows the
 * protocol takes every event once and in order. The model server is the protocol's rules for
 * PUBLISH and nothing else.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MillraceError } from '../../src/base/errors.ts'
import { OpenBatch, type SealedBatch } from '../../src/client/open-batch.ts'
import { Outbox } from '../../src/client/outbox.ts'
import { PublishCall } from '../../src/client/receipt.ts'

const plenty = { events: 1_000_000, bytes: 1_000_000 }

/** Adds one batch with the events of one call; returns the call's receipt. */
function add(outbox: Outbox, count: number) {
  const call = new PublishCall(count)
  const open = new OpenBatch('clicks', 64)
  for (let i = 0; i < count; i++) open.add({ n: outbox.nextSequence + i }, call, i)
  outbox.add(open.seal(outbox.nextSequence))
  return call.receipt
}

function takeAll(outbox: Outbox, credits = plenty): SealedBatch[] {
  const taken: SealedBatch[] = []
  for (let batch = outbox.take(credits); batch !== null; batch = outbox.take(credits)) {
    taken.push(batch)
  }
  return taken
}

const starts = (batches: readonly SealedBatch[]): number[] => batches.map((batch) => batch.sequence)
const rejection = (sequence: number) => ({ sequence, code: 'EVENT_TIME', path: '/t', message: 'm' })

describe('the outbox', () => {
  it('settles the calls that an acknowledgement covers, and no others', async () => {
    const outbox = new Outbox()
    const [first, second] = [add(outbox, 3), add(outbox, 2)]
    takeAll(outbox)
    outbox.acknowledge(3, [])
    assert.deepEqual(await first, {
      accepted: 3,
      rejected: [],
      rejectionsKnown: true,
      firstSequence: 0,
      lastSequence: 2,
    })
    assert.equal(outbox.events, 2)
    outbox.acknowledge(4, [])
    assert.equal((await second).firstSequence, 3)
    assert.equal(outbox.events, 0)
    assert.equal(outbox.bytes, 0)
  })

  it('tells a call which of its own events were rejected', async () => {
    const outbox = new Outbox()
    const [first, second] = [add(outbox, 3), add(outbox, 4)]
    takeAll(outbox)
    outbox.acknowledge(6, [rejection(1), rejection(3), rejection(6)])
    assert.deepEqual(
      (await first).rejected.map(({ index }) => index),
      [1],
    )
    const { accepted, rejected } = await second
    assert.equal(accepted, 2)
    assert.deepEqual(rejected[1], { index: 3, code: 'EVENT_TIME', path: '/t', message: 'm' })
    assert.deepEqual(
      rejected.map(({ index }) => index),
      [0, 3],
    )
  })

  it('sends what a new connection does not confirm again, byte for byte', async () => {
    const outbox = new Outbox()
    const first = add(outbox, 2)
    void add(outbox, 2)
    void add(outbox, 1)
    const sent = takeAll(outbox)
    outbox.resume(1)
    assert.equal((await first).rejectionsKnown, false)
    const again = takeAll(outbox)
    assert.deepEqual(starts(again), [2, 4])
    assert.deepEqual(
      again.map(({ frame }) => frame),
      sent.slice(1).map(({ frame }) => frame),
    )
  })

  it('sends a batch again whole when only its beginning is confirmed', () => {
    const outbox = new Outbox()
    void add(outbox, 4)
    takeAll(outbox)
    outbox.resume(1)
    assert.deepEqual(starts(takeAll(outbox)), [0])
  })

  it('goes back once for a gap, however many batches were in flight behind it', () => {
    const outbox = new Outbox()
    for (let i = 0; i < 5; i++) void add(outbox, 2)
    takeAll(outbox)
    outbox.refused(4, 2)
    assert.deepEqual(starts(takeAll(outbox)), [2, 4, 6, 8])
    for (const sequence of [6, 8]) outbox.refused(sequence, 2)
    assert.deepEqual(starts(takeAll(outbox)), [])
    outbox.refused(4, 2)
    assert.deepEqual(starts(takeAll(outbox)), [2, 4, 6, 8])
  })

  it('keeps within the credits, in events and in bytes', () => {
    const outbox = new Outbox()
    for (let i = 0; i < 4; i++) void add(outbox, 10)
    assert.deepEqual(starts(takeAll(outbox, { events: 25, bytes: 10_000 })), [0, 10])
    outbox.acknowledge(9, [])
    assert.deepEqual(starts(takeAll(outbox, { events: 25, bytes: 100 })), [])
    assert.deepEqual(starts(takeAll(outbox, { events: 25, bytes: 10_000 })), [20])
  })

  it('sends a single batch beyond the credits, but nothing without any', () => {
    const outbox = new Outbox()
    void add(outbox, 10)
    assert.deepEqual(starts(takeAll(outbox, { events: 0, bytes: 100 })), [])
    assert.deepEqual(starts(takeAll(outbox, { events: 1, bytes: 1 })), [0])
  })

  it('refuses an acknowledgement of what was never sent', () => {
    const outbox = new Outbox()
    void add(outbox, 2)
    assert.throws(() => outbox.acknowledge(2, []), { code: 'FRAME_INVALID' })
    assert.throws(() => outbox.resume(2), { code: 'FRAME_INVALID' })
  })

  it('notices that a server has lost what it had acknowledged', () => {
    const outbox = new Outbox()
    void add(outbox, 2)
    void add(outbox, 2)
    takeAll(outbox)
    outbox.acknowledge(1, [])
    assert.throws(() => outbox.resume(0), { code: 'CLIENT_REFUSED' })
    assert.throws(() => outbox.refused(2, 1), { code: 'CLIENT_REFUSED' })
  })

  it('fails every call that waits', async () => {
    const outbox = new Outbox()
    const receipts = [add(outbox, 1), add(outbox, 1)]
    outbox.fail(new MillraceError('CLIENT_CLOSED'))
    for (const receipt of receipts) await assert.rejects(receipt, { code: 'CLIENT_CLOSED' })
    assert.equal(outbox.events, 0)
  })
})

type Step =
  | { readonly kind: 'add'; readonly count: number }
  | { readonly kind: 'send' | 'lose' | 'deliver' | 'ack' | 'reconnect' }

it('every event is taken exactly once and in order, whatever is lost and repeated', async () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ kind: fc.constantFrom('send', 'deliver', 'deliver', 'ack', 'lose', 'reconnect') }),
  ) as fc.Arbitrary<Step>
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const outbox = new Outbox()
      const receipts: ReturnType<typeof add>[] = []
      const server = { taken: [] as number[], acknowledged: -1 }
      let wire: SealedBatch[] = []
      const deliver = (): void => {
        const batch = wire.shift()
        if (batch === undefined) return
        const next = server.taken.length
        if (batch.sequence > next) outbox.refused(batch.sequence, next)
        for (let s = next; s < batch.sequence + batch.count && batch.sequence <= next; s++) {
          server.taken.push(s)
        }
      }
      const acknowledge = (): void => {
        server.acknowledged = server.taken.length - 1
        outbox.acknowledge(server.acknowledged, [])
      }
      const reconnect = (): void => {
        wire = []
        outbox.resume(server.acknowledged)
      }
      for (const { kind, ...rest } of steps) {
        if (kind === 'add') receipts.push(add(outbox, (rest as { count: number }).count))
        if (kind === 'send') wire.push(...takeAll(outbox, { events: 8, bytes: 1000 }))
        if (kind === 'lose') wire.splice(0, 1)
        if (kind === 'deliver') deliver()
        if (kind === 'ack') acknowledge()
        // The server has acknowledged more than the client was told.
        if (kind === 'reconnect') {
          server.acknowledged = server.taken.length - 1
          reconnect()
        }
      }
      // The world is kind from here on; only a new connection repairs a frame lost at the end.
      reconnect()
      for (let round = 0; outbox.events > 0; round++) {
        assert.ok(round < 10, 'the outbox does not empty')
        wire.push(...takeAll(outbox))
        while (wire.length > 0) deliver()
        acknowledge()
      }
      const sequences = (await Promise.all(receipts)).flatMap(({ firstSequence, lastSequence }) =>
        Array.from({ length: lastSequence - firstSequence + 1 }, (_, i) => firstSequence + i),
      )
      assert.deepEqual(server.taken, sequences)
    }),
    { seed: 42, numRuns: 300 },
  )
})
