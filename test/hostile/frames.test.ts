/**
 * Bad frames against a session without sockets: how it closes, and that nothing is handed on.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { setUp, setUpOpen } from '../helpers/session-harness.ts'
import { frameRows } from './frame-rows.ts'
import { nameOf, rowOptions } from './rows.ts'

for (const row of frameRows) {
  test(nameOf(row), rowOptions, async () => {
    const harness = row.from === 'open' ? await setUpOpen() : setUp()
    for (const frame of row.frames) harness.session.received(frame)
    harness.assertClosed(row.code, row.reason)
    assert.deepEqual(harness.ingest.batches, [])
    assert.deepEqual(harness.errors, [])
  })
}

test('P14: a type from 128 on is skipped', async () => {
  const { session, connection } = await setUpOpen()
  session.received(encode([128, { later: true }]))
  assert.equal(connection.closed, null)
  assert.deepEqual(connection.sent, [])
})
