/**
 * How a session ends: by BYE, by draining, by what goes wrong; and a peer that does not read.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { sendBufferBytesMax } from '../../src/base/limits.ts'
import * as protocol from '../../src/wire/protocol.ts'
import { closeReason } from '../../src/wire/session.ts'
import { createGate } from '../helpers/fake-ports.ts'
import { setUp, setUpOpen, settled } from '../helpers/session-harness.ts'

test('BYE closes with 1000 once everything is acknowledged', async () => {
  const { publish, bye, acknowledge, scheduler, news, connection, closes, ingest } =
    await setUpOpen()
  publish(0)
  bye()
  assert.equal(connection.closed, null)
  acknowledge(0)
  scheduler.turn()
  assert.deepEqual(
    news().map((frame) => frame.kind),
    ['ack'],
  )
  assert.deepEqual(connection.closed, { code: 1000, reason: 'BYE' })
  assert.deepEqual(closes, ['BYE'])
  assert.ok(ingest.last.closed)
})

test('nothing may follow BYE', async () => {
  const { publish, bye, assertClosed } = await setUpOpen()
  publish(0)
  bye()
  publish(1)
  assertClosed('FRAME_INVALID', /nothing follows BYE/)
})

test('draining tells what was taken, takes nothing more, and closes', async () => {
  const { publish, session, acknowledge, scheduler, news, ingest, assertClosed, connection } =
    await setUpOpen()
  publish(0)
  session.drain(3000)
  assert.deepEqual(news(), [
    { kind: 'goaway', reason: 'the server is shutting down', deadlineMs: 3000 },
  ])
  publish(1)
  assert.equal(ingest.batches.length, 1)
  assert.equal(connection.closed, null)
  acknowledge(0)
  scheduler.turn()
  assert.equal(news()[0]!.kind, 'ack')
  assertClosed('DRAINING')
})

test('draining closes an idle session, and one that has not said HELLO, at once', async () => {
  const idle = await setUpOpen()
  idle.session.drain(3000)
  idle.assertClosed('DRAINING')
  const silent = setUp()
  silent.session.drain(3000)
  silent.assertClosed('DRAINING')
  assert.equal(silent.scheduler.pending, 0)
})

test('BYE waits for reads that are not answered', async () => {
  const { session, read, bye, connection, news } = await setUpOpen()
  const gate = createGate()
  read.gate = gate.promise
  session.received(protocol.encodeRead(1, 'user_clicks', []))
  bye()
  assert.equal(connection.closed, null)
  gate.open()
  await settled()
  assert.equal(news()[0]!.kind, 'features')
  assert.equal(connection.closed!.code, 1000)
})

test('a peer that does not read its answers is not read either', async () => {
  const { session, connection, flush, assertClosed } = await setUpOpen()
  connection.bufferedBytes = sendBufferBytesMax + 1
  flush(1)
  assert.ok(connection.paused)
  assert.ok(session.congested)
  session.writable()
  assert.ok(connection.paused)
  connection.bufferedBytes = 0
  session.writable()
  assert.ok(!connection.paused)
  connection.bufferedBytes = sendBufferBytesMax * 16 + 1
  flush(2)
  assertClosed('OVERLOADED')
})

test('what fails inside closes with 1011 and says nothing of the inside', async () => {
  const { session, ingest, connection, errors } = setUp()
  ingest.failure = new MillraceError('JOURNAL_WRITE', { reason: '/var/lib: EIO' })
  session.received(protocol.encodeHello({ producer: 'p', epoch: null }))
  await settled()
  assert.deepEqual(connection.closed, { code: 1011, reason: 'INTERNAL: internal error' })
  assert.equal(errors.length, 1)
})

test('after the close nothing is sent or handed on', async () => {
  const { session, ingest, read, publish, acknowledge, scheduler } = await setUpOpen()
  const gate = createGate()
  read.gate = gate.promise
  session.received(protocol.encodeRead(1, 'user_clicks', []))
  publish(0)
  acknowledge(0)
  session.receivedText()
  publish(1)
  session.drain(1)
  ingest.last.listener.fenced()
  gate.open()
  scheduler.turn()
  await settled()
  assert.equal(ingest.batches.length, 1)
})

test('a close reason is cut to 123 bytes between characters', () => {
  const reason = closeReason(`${'a'.repeat(122)}ü and more`)
  assert.equal(reason, 'a'.repeat(122))
  assert.equal(Buffer.byteLength(closeReason('ü'.repeat(200))), 122)
  assert.equal(closeReason('short'), 'short')
})
