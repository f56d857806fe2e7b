import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import type { MillraceError } from '../../src/base/errors.ts'
import type { StoredBatch } from '../../src/client/outbox-record.ts'
import { openOutboxStore } from '../../src/client/outbox-store.ts'
import { Producer } from '../../src/client/producer.ts'
import { decodeClientFrame, type PublishFrame } from '../../src/wire/protocol.ts'
import { MemoryDisk } from '../helpers/memory-disk.ts'
import { randomNumbers } from '../helpers/random.ts'
import { eventsOf, expectKind, ManualTime, welcome } from './support.ts'

function openOn(disk: MemoryDisk, producer = 'p', failures: MillraceError[] = []) {
  return openOutboxStore({
    dir: '/outbox',
    producer,
    clock: new ManualClock(1_700_000_000_000),
    files: disk,
    segmentBytes: 300,
    onFailure: (error) => failures.push(error),
  })
}

/** A batch of three events whose bytes tell it from others. */
function batchAt(sequence: number): StoredBatch {
  const frame = new Uint8Array(90).map((_, n) => n + sequence)
  return { source: 'clicks', sequence, count: 3, frame }
}

const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })

describe('an outbox on disk', () => {
  it('gives back what is open, byte by byte, and goes on behind it', async () => {
    const disk = new MemoryDisk()
    const { store } = await openOn(disk)
    const sent = [0, 3, 6, 9, 12].map(batchAt)
    for (const batch of sent) store.append(batch)
    await store.begin(7, 'h')
    store.acknowledged(4)
    await store.close()
    const again = await openOn(disk)
    assert.deepEqual(again.batches, sent.slice(1))
    assert.deepEqual(again.store.state, {
      producer: 'p',
      run: 0,
      epoch: 7,
      incarnation: 'h',
      acknowledged: 4,
      nextSequence: 15,
    })
    assert.throws(() => again.store.append(batchAt(18)), /no gap/)
  })

  it('lets go of segments of which all is acknowledged', async () => {
    const disk = new MemoryDisk()
    const { store } = await openOn(disk)
    for (let n = 0; n < 60; n += 3) {
      store.append(batchAt(n))
      await store.whenStored()
      store.acknowledged(n + 2)
      await nextTurn()
    }
    assert.ok(disk.paths.length <= 3, String(disk.paths))
    // The last acknowledgement is noted with the next record, or when it is closed.
    const killed = await openOn(disk.copy())
    assert.deepEqual(killed.batches, [batchAt(57)])
    await store.close()
    const again = await openOn(disk)
    assert.deepEqual(again.batches, [])
    assert.equal(again.store.state.nextSequence, 60)
    assert.equal(again.store.state.acknowledged, 59)
  })

  it('begins at 0 again in another run, and forgets the one before', async () => {
    const disk = new MemoryDisk()
    const { store } = await openOn(disk)
    store.append(batchAt(0))
    await store.begin(7, 'h')
    store.acknowledged(2)
    store.restart()
    store.append(batchAt(0))
    await store.close()
    const { store: again, batches } = await openOn(disk)
    assert.deepEqual(batches, [batchAt(0)])
    assert.deepEqual([again.state.epoch, again.state.acknowledged], [null, -1])
  })

  it('is of one producer, and is refused when it is damaged', async () => {
    const disk = new MemoryDisk()
    const { store } = await openOn(disk)
    for (let n = 0; n < 30; n += 3) store.append(batchAt(n))
    await store.close()
    await assert.rejects(openOn(disk.copy(), 'q'), {
      code: 'CONFIG_INVALID',
      message: /producer p/,
    })
    const damaged = disk.copy()
    damaged.contents(disk.paths[0]!)[200]! ^= 1
    await assert.rejects(openOn(damaged), { code: 'OUTBOX_CORRUPT' })
    const missing = disk.copy()
    await missing.remove(disk.paths[1]!)
    await assert.rejects(openOn(missing), { code: 'OUTBOX_CORRUPT' })
  })
})

/** A server that keeps to the rules of sequences, and forgets to answer now and then. */
class Server {
  readonly taken: unknown[] = []
  #epoch = 0
  #next = 0

  /** Opens the epoch, or a new one. */
  open(epoch: number | null) {
    if (epoch === null) {
      this.#epoch += 1
      this.#next = 0
    } else assert.equal(epoch, this.#epoch)
    return { ...welcome, epoch: this.#epoch, lastSequence: this.#next - 1 }
  }

  take(frame: PublishFrame): void {
    assert.ok(frame.sequence <= this.#next, 'no gap')
    const events = eventsOf(frame).slice(this.#next - frame.sequence)
    this.taken.push(...events)
    this.#next += events.length
  }

  get upTo(): number {
    return this.#next - 1
  }
}

/** What of a disk is sure to be there after a power loss. */
const durable = (disk: MemoryDisk): MemoryDisk => disk.afterPowerLoss(() => 1)

/** One process: publishes events up to a number, connected now and then; ends where it fails. */
async function live(disk: MemoryDisk, server: Server, until: number): Promise<number> {
  /** Batches as they were sent, and what was on disk then. */
  const sent: { readonly frame: PublishFrame; readonly onDisk: MemoryDisk }[] = []
  const failures: MillraceError[] = []
  let stored = -1
  try {
    const { store, batches } = await openOn(disk, 'p', failures)
    const time = new ManualTime()
    const bounds = { outboxEventsMax: 1e6, outboxBytesMax: 1e9, batchEventsMax: 4 }
    const producer = new Producer(
      {
        ...bounds,
        batchBytesMax: 1000,
        frameBytesMax: 1000,
        lingerMs: 0,
        isKept: true,
        onRejected: () => {},
        onUnknown: () => {},
      },
      time,
    )
    producer.keep(store, batches)
    let n = (await producer.stored()).nextSequence
    let epoch: number | null = store.state.epoch
    for (let step = 0; failures.length === 0 && (n < until || producer.events > 0); step++) {
      if (n < until) producer.send('a', [{ n: n++ }])
      time.endTurn()
      if (step % 7 === 2) {
        const greeting = server.open(epoch)
        epoch = greeting.epoch
        producer.connected(greeting, (bytes) => {
          const frame = expectKind(decodeClientFrame(bytes)!, 'publish')
          sent.push({ frame, onDisk: durable(disk) })
          server.take(frame)
        })
      }
      if (step % 7 === 6) producer.disconnected()
      const { nextSequence } = await producer.stored()
      stored = nextSequence - 1
      await nextTurn()
      if (step % 3 === 0 && server.upTo >= 0 && step % 7 > 2 && step % 7 < 6) {
        const ack = { kind: 'ack', credits: null, duplicates: 0, rejections: [] } as const
        producer.acknowledged({ ...ack, upTo: server.upTo })
      }
    }
    await store.close()
  } catch (thrown) {
    assert.match((thrown as Error).message, /EIO/)
  }
  for (const { frame, onDisk } of sent) {
    const { store } = await openOn(onDisk)
    assert.ok(store.state.nextSequence >= frame.sequence + frame.count, 'stored before it is sent')
    assert.notEqual(store.state.epoch, null, 'so is its epoch')
  }
  return stored
}

describe('a producer with an outbox on disk', () => {
  for (const end of ['an error', 'a power loss'] as const) {
    it(`loses and doubles nothing, whichever operation meets ${end}`, async () => {
      const until = 25
      let isReached = true
      for (let at = 1; isReached; at++) {
        const disk = new MemoryDisk()
        const server = new Server()
        let count = 0
        disk.before = () => {
          count += 1
          if (count >= at) throw new Error('EIO: i/o error')
        }
        const stored = await live(disk, server, until)
        isReached = count >= at
        const left = end === 'an error' ? disk : disk.afterPowerLoss(randomNumbers(at))
        left.before = () => {}
        const { store } = await openOn(left.copy())
        assert.ok(store.state.nextSequence > stored, 'what is stored is there')
        await live(left, server, until)
        assert.deepEqual(
          server.taken,
          Array.from({ length: until }, (_, n) => ({ n })),
          `operation ${at}`,
        )
      }
    })
  }
})
