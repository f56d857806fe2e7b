/**
 * Frames that are almost right, to sessions without sockets.
 *
 * Whatever comes, a session goes on or closes with a code of the table; what it hands on has the
 * form that later stages rely on; what it sends can be read; and nothing fails inside.
 */
import assert from 'node:assert/strict'
import { decode, encode } from '@msgpack/msgpack'
import { errorTable, MillraceError, type ErrorCode } from '../../src/base/errors.ts'
import * as protocol from '../../src/wire/protocol.ts'
import { below, mutated, type Random } from '../helpers/mutate.ts'
import { setUp, settled } from '../helpers/session-harness.ts'
import { corpusOf } from './corpus.ts'
import { Meter, type Extent } from './finding.ts'

/** What a peer may be closed for by its own frames. */
const closings: readonly string[] = [
  'BATCH_TOO_LARGE',
  'CREDIT_EXCEEDED',
  'FRAME_INVALID',
  'PRODUCER_FENCED',
  'SEQUENCE_GAP_PERSISTS',
  'SEQUENCE_RANGE',
] satisfies ErrorCode[]

/** Frames that one session is sent, at most. */
const sessionFramesMax = 50

const event = encode({ user_id: 'u1', at: 1_700_000_000_000, clicked: true, list: [1, 'a', null] })

/** Frames as they should be; a peer's first one, and those that may follow. */
export const frameSeeds: readonly Uint8Array[] = [
  protocol.encodeHello({ producer: 'p', epoch: null, sdk: 'x/1' }),
  protocol.encodeHello({ producer: 'p', epoch: 1 }),
  protocol.encodeHello({ producer: null, epoch: null }),
  protocol.encodePublish('impressions', 0, [event]),
  protocol.encodePublish('impressions', 1, [event, new Uint8Array(300), event]),
  protocol.encodePublish('impressions', 2 ** 40, [event]),
  protocol.encodeFlush(7),
  protocol.encodeRead(1, 'user_clicks', [{ user_id: 'u1', n: 2 ** 40 }, { user_id: 'u2' }]),
  protocol.encodeRead(2, 'user_clicks', [{ user_id: 'u1' }], {
    options: { leadingEdge: 'latest-event', requestData: [{ amount: 1.5, tags: ['a'] }] },
    isQuery: true,
  }),
  protocol.encodeBye(),
  encode([200, { later: [1, 2, 3] }]),
]

type Peer = ReturnType<typeof setUp>

/** Three in four have said HELLO. */
async function newPeer(random: Random): Promise<Peer> {
  const peer = setUp()
  peer.ingest.acknowledgesAtOnce = true
  if (below(random, 4) > 0) {
    peer.session.received(frameSeeds[below(random, 4) === 0 ? 2 : 0]!)
    await settled()
  }
  return peer
}

export async function fuzzFrames({ count, random, isOver }: Extent): Promise<Meter> {
  const meter = new Meter('frame')
  const found = corpusOf('frame')
  const seeds = [...frameSeeds, ...found]
  let peer = await newPeer(random)
  let age = 0
  for (let n = 0; n < count; n++) {
    if (peer.connection.closed !== null || age === sessionFramesMax) {
      peer = await newPeer(random)
      age = 0
      if (isOver()) break
    }
    const bytes = found[n] ?? mutated(seeds, random)
    // A session ends at the first frame that is refused: most of those end none, so that sessions
    // live to see more of what can be understood.
    if (!meter.run(bytes, () => isUnderstood(bytes)) && below(random, 16) > 0) continue
    age += 1
    meter.again(bytes, () => {
      peer.session.received(bytes)
      peer.scheduler.turn()
    })
    // Reads and openings answer when their promises have resolved.
    if (n % 64 === 0 || peer.session.state === 'opening') await settled()
    meter.again(bytes, () => check(peer))
  }
  return meter
}

/** Whether a frame can be decoded; if not, it must be refused for a reason of its own. */
export function isUnderstood(bytes: Uint8Array): boolean {
  try {
    protocol.decodeClientFrame(bytes)
    return true
  } catch (thrown) {
    assert.ok(thrown instanceof MillraceError && closings.includes(thrown.code), String(thrown))
    return false
  }
}

/** Asserts what holds of a session whatever it was sent, and forgets what it sent and handed on. */
function check({ connection, ingest, read, errors }: Peer): void {
  assert.deepEqual(errors, [])
  const { closed, sent } = connection
  if (closed !== null && closed.reason !== 'BYE') {
    const code = closed.reason.split(':')[0]!
    assert.ok(closings.includes(code), closed.reason)
    assert.equal(closed.code, errorTable[code as ErrorCode].close)
  }
  for (const bytes of sent) assert.notEqual(protocol.decodeServerFrame(bytes), null)
  for (const { payload, count, sequence } of ingest.batches) {
    const events = decode(payload) as unknown[]
    assert.equal(events.length, count)
    assert.ok(events.every((one) => one instanceof Uint8Array))
    assert.ok(Number.isSafeInteger(sequence + count) && sequence >= 0)
  }
  for (const { keys } of read.reads) {
    assert.ok(keys.every((key) => typeof key === 'object' && key !== null && !Array.isArray(key)))
  }
  sent.length = ingest.batches.length = read.reads.length = 0
}
