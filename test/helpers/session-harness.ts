/**
 * A session without sockets: what it sends and how it closes is recorded, its ports are fakes.
 */
import assert from 'node:assert/strict'
import { encode } from '@msgpack/msgpack'
import { errorTable } from '../../src/base/errors.ts'
import * as protocol from '../../src/wire/protocol.ts'
import type { ServerFrame } from '../../src/wire/protocol.ts'
import type { Connection } from '../../src/wire/session-options.ts'
import { Session } from '../../src/wire/session.ts'
import { FakeIngest, FakeReader } from './fake-ports.ts'
import { ManualScheduler } from './manual-scheduler.ts'

/** Records what a session does to its socket. */
class FakeConnection implements Connection {
  readonly sent: Uint8Array[] = []
  closed: { readonly code: number; readonly reason: string } | null = null
  paused = false
  bufferedBytes = 0

  send(bytes: Uint8Array): void {
    assert.equal(this.closed, null, 'nothing is sent after the close')
    this.sent.push(bytes)
  }

  close(code: number, reason: string): void {
    assert.equal(this.closed, null, 'closed once')
    this.closed = { code, reason }
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }
}

export const event = encode({ user_id: 'u1' })

/** A session before HELLO, with what surrounds it. */
export function setUp(credits = { events: 100, bytes: 10_000 }) {
  const connection = new FakeConnection()
  const ingest = new FakeIngest()
  const read = new FakeReader()
  const scheduler = new ManualScheduler()
  const closes: string[] = []
  const errors: object[] = []
  const session = new Session(connection, {
    ingest,
    read,
    scheduler,
    log: { info: () => {}, error: (fields) => errors.push(fields) },
    server: 'millrace/test',
    incarnation: 'now',
    sources: ['impressions'],
    services: ['user_clicks'],
    limits: { frameBytes: 1000, batchEvents: 10, eventBytes: 100 },
    credits,
    helloTimeoutMs: 5000,
    heartbeatMs: 15_000,
    onClose: (reason) => closes.push(reason),
  })
  const frames = (): ServerFrame[] =>
    connection.sent.map((bytes) => protocol.decodeServerFrame(bytes)!)
  return {
    connection,
    ingest,
    read,
    scheduler,
    session,
    closes,
    errors,
    frames,
    /** Frames sent since the last call. */
    news: (): ServerFrame[] => {
      const all = frames()
      connection.sent.length = 0
      return all
    },
    publish: (sequence: number, count = 1) =>
      session.received(
        protocol.encodePublish(
          'impressions',
          sequence,
          Array.from({ length: count }, () => event),
        ),
      ),
    flush: (token: number) => session.received(protocol.encodeFlush(token)),
    bye: () => session.received(protocol.encodeBye()),
    acknowledge: (upTo: number, duplicates = 0) =>
      ingest.last.listener.acknowledged({ upTo, duplicates, rejections: [] }),
    assertClosed: (code: keyof typeof errorTable, reason?: RegExp) => {
      assert.equal(connection.closed?.code, errorTable[code].close)
      assert.ok(connection.closed.reason.startsWith(`${code}: `), connection.closed.reason)
      if (reason) assert.match(connection.closed.reason, reason)
      assert.deepEqual(closes, [code])
      assert.equal(session.state, 'closed')
    },
  }
}

/** A session that has been welcomed. */
export async function setUpOpen(credits?: { events: number; bytes: number }) {
  const harness = setUp(credits)
  harness.session.received(protocol.encodeHello({ producer: 'p', epoch: null }))
  await settled()
  harness.connection.sent.length = 0
  return harness
}

/** Lets promises that are due resolve. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
