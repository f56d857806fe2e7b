/**
 * The hard cases of delivery, against the daemon, by peers that say exactly what a row says: what
 * each is answered, and how many of its events count afterwards.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { ManualClock } from '../../src/base/clock.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import { readHttp, startDaemon } from '../helpers/daemons.ts'
import { RawPeer } from '../helpers/raw-peer.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)
const yearMs = 365 * 86_400_000
const producerMsMax = 7 * 86_400_000
const order = { user_id: 1, store: 'a', at: noonMs - 1000, amount: 1 }
const good = encode(order)
const other = encode({ ...order, amount: 2 })

/** A daemon, and the peers of one row. */
class Stage {
  readonly daemon: Millrace
  readonly clock: ManualClock
  readonly #t: TestContext

  constructor(t: TestContext, daemon: Millrace, clock: ManualClock) {
    this.#t = t
    this.daemon = daemon
    this.clock = clock
  }

  open(producer: string, epoch: number | null = null) {
    return RawPeer.open(this.#t, this.daemon.url, producer, epoch)
  }

  /** What HELLO is answered by. */
  async hello(producer: string, epoch: number | null = null): Promise<string> {
    try {
      const { welcome } = await this.open(producer, epoch)
      if (welcome.expired === true) return `WELCOME expired, lastSeq ${welcome.lastSeq}`
      return `WELCOME lastSeq ${welcome.lastSeq}`
    } catch (refused) {
      return `close ${(refused as Error).message}`
    }
  }

  /** A producer whose first events are acknowledged, and its epoch. */
  async withEvents(count: number) {
    const { peer, welcome } = await this.open('p')
    peer.publish('orders', 0, Array<Uint8Array>(count).fill(good))
    await peer.acked(count - 1)
    return { peer, epoch: welcome.epoch }
  }
}

interface Row {
  readonly name: string
  /** Sends what the row is about; tells what the server has said to it, in order. */
  readonly play: (stage: Stage) => Promise<readonly string[]>
  readonly answers: readonly string[]
  /** Events of user 1 that count at the end. */
  readonly counted: number
}

/** What the server says next to a peer. */
async function answer(peer: RawPeer): Promise<string> {
  const said = await Promise.race([peer.frames.next(), peer.closed])
  if (typeof said === 'number') return `close ${said}`
  const [type, ...fields] = said
  if (type === 5) return `NACK ${String(fields[1])}, expected ${String(fields[3])}`
  assert.equal(type, 4)
  const { duplicates = 0, rejects = [] } = fields[1] as AckDetails
  const told = rejects.map(([sequence, code]) => `, ${sequence} ${code}`).join('')
  return `ACK ${String(fields[0])}, ${duplicates} again${told}`
}

interface AckDetails {
  readonly duplicates?: number
  readonly rejects?: readonly (readonly [number, string])[]
}

const rows: readonly Row[] = [
  {
    name: 'P1: an exact repeat of what is acknowledged',
    play: async (stage) => {
      const { peer } = await stage.withEvents(3)
      peer.publish('orders', 0, [good, good, good])
      return [await answer(peer)]
    },
    answers: ['ACK 2, 3 again'],
    counted: 3,
  },
  {
    name: 'P2: other bytes under a sequence that was taken',
    play: async (stage) => {
      const { peer } = await stage.withEvents(3)
      peer.publish('orders', 0, [good, other, good])
      return [await answer(peer)]
    },
    answers: ['close 4422'],
    counted: 3,
  },
  {
    name: 'P3: a repeat of which half is new',
    play: async (stage) => {
      const { peer } = await stage.withEvents(3)
      peer.publish('orders', 1, [good, good, good, good])
      const { upTo, duplicates } = await peer.acked(4)
      return [`ACK ${upTo}, ${duplicates} again`]
    },
    answers: ['ACK 4, 2 again'],
    counted: 5,
  },
  {
    name: 'P4: batches that leave events out',
    play: async (stage) => {
      const { peer } = await stage.withEvents(1)
      for (let n = 0; n < 3; n++) peer.publish('orders', 4, [good])
      const first = [await answer(peer), await answer(peer), await answer(peer)]
      return [...first, await answer(peer)]
    },
    answers: [...Array<string>(3).fill('NACK SEQUENCE_GAP, expected 1'), 'close 4410'],
    counted: 1,
  },
  {
    name: 'P5: an epoch that is over',
    play: async (stage) => {
      const { epoch } = await stage.withEvents(1)
      await stage.hello('p')
      return [await stage.hello('p', epoch)]
    },
    answers: ['close 4409'],
    counted: 1,
  },
  {
    name: 'P6: the same epoch on a second connection',
    play: async (stage) => {
      const { peer, epoch } = await stage.withEvents(1)
      return [await stage.hello('p', epoch), await answer(peer)]
    },
    answers: ['WELCOME lastSeq 0', 'close 4409'],
    counted: 1,
  },
  {
    name: 'P7: a new epoch that does not begin at 0',
    play: async (stage) => {
      await stage.withEvents(3)
      const { peer } = await stage.open('p')
      peer.publish('orders', 3, [good])
      return [await answer(peer)]
    },
    answers: ['NACK SEQUENCE_GAP, expected 0'],
    counted: 3,
  },
  {
    name: 'P8: an epoch that was never given out',
    play: async (stage) => {
      const { epoch } = await stage.withEvents(1)
      return [
        await stage.hello('p', epoch + 1),
        await stage.hello('q', 1),
        await stage.hello('p', 0),
      ]
    },
    answers: ['close 4400', 'close 4400', 'close 4400'],
    counted: 1,
  },
  {
    name: 'P9: a sequence at the end of what a number holds',
    play: async (stage) => {
      const answers: string[] = []
      for (const sequence of [2 ** 53, 2 ** 53 - 1, -1, 0.5]) {
        const { peer } = await stage.open('p')
        peer.publish('orders', sequence, [good])
        answers.push(await answer(peer))
      }
      return answers
    },
    answers: Array<string>(4).fill('close 4400'),
    counted: 0,
  },
  {
    name: 'P11: names that a producer cannot have, and one that only looks so',
    play: async (stage) => {
      const names = ['', 'x'.repeat(65), 'a\nb', 'a b', 'ü', '__proto__', 'x'.repeat(64)]
      const answers: string[] = []
      for (const name of names) answers.push(await stage.hello(name))
      return answers
    },
    answers: [...Array<string>(5).fill('close 4400'), 'WELCOME lastSeq -1', 'WELCOME lastSeq -1'],
    counted: 0,
  },
  {
    name: 'P12: more names than there may be',
    play: async (stage) => {
      const { epoch } = await stage.withEvents(1)
      const answers: string[] = []
      for (const name of ['a', 'b', 'c', 'd']) answers.push(await stage.hello(name))
      return [...answers, await stage.hello('p', epoch)]
    },
    answers: [
      ...Array<string>(2).fill('WELCOME lastSeq -1'),
      ...Array<string>(2).fill('close 4429'),
      'WELCOME lastSeq 0',
    ],
    counted: 1,
  },
  {
    name: 'P13: an epoch of a producer that is forgotten',
    play: async (stage) => {
      const { peer, epoch } = await stage.withEvents(1)
      peer.send(9)
      await peer.closed
      stage.clock.advance(producerMsMax + 1)
      await stage.hello('q')
      return [await stage.hello('p', epoch), await stage.hello('p')]
    },
    answers: ['WELCOME expired, lastSeq null', 'WELCOME lastSeq -1'],
    counted: 1,
  },
  {
    name: 'P14: types of frames that nobody knows',
    play: async (stage) => {
      const { peer } = await stage.withEvents(1)
      peer.send(128, 'more')
      peer.send(200)
      peer.publish('orders', 1, [good])
      const skipped = await answer(peer)
      peer.send(127)
      return [skipped, await answer(peer)]
    },
    answers: ['ACK 1, 0 again', 'close 4400'],
    counted: 2,
  },
  {
    name: 'P15: frames that only a server sends',
    play: async (stage) => {
      const answers: string[] = []
      for (const frame of [
        [4, 0, {}],
        [2, { v: 1 }],
        [5, 0, 'X', '', 0, null],
        [6, 'now', 0],
      ]) {
        const { peer } = await stage.open('p')
        peer.send(...frame)
        answers.push(await answer(peer))
      }
      return answers
    },
    answers: Array<string>(4).fill('close 4400'),
    counted: 0,
  },
  {
    name: 'P16: a client whose clock is ten years off',
    play: async (stage) => {
      const { peer } = await stage.open('p')
      const at = (ms: number) => encode({ ...order, at: ms })
      peer.publish('orders', 0, [at(noonMs + 10 * yearMs), good, at(noonMs - 10 * yearMs), good])
      return [await answer(peer)]
    },
    answers: ['ACK 3, 0 again, 0 EVENT_IN_FUTURE, 2 EVENT_TOO_LATE'],
    counted: 2,
  },
]

for (const { name, play, answers, counted } of rows) {
  test(name, async (t) => {
    const clock = new ManualClock(noonMs)
    const daemon = await startDaemon(t, { clock, producersMax: 3, producerMsMax })
    assert.deepEqual(await play(new Stage(t, daemon, clock)), answers)
    const [row] = await readHttp(daemon.url, 'user_orders', { user_id: 1 })
    assert.equal(Number(row!.values['orders_30d'] ?? 0), counted)
  })
}
