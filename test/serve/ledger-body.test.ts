import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEncoder, MsgpackTimestamp } from '../../src/model/msgpack.ts'
import { ledgerBody } from '../../src/serve/ledger-body.ts'
import { newEntry, recordedBatch } from '../helpers/ledgers.ts'

const encoder = createEncoder()

/** What becomes of an event's bytes. */
function shown(event: Uint8Array): unknown {
  const { entries: _, ...common } = recordedBatch(1)
  const entry = { id: 1, isReplayed: false, ...common, ...newEntry(0, { event }) }
  const { entries } = ledgerBody({ entries: [entry], next: null }) as {
    entries: [{ event?: unknown; base64?: string }]
  }
  const [{ event: json, base64 }] = JSON.parse(JSON.stringify(entries)) as typeof entries
  return json ?? base64
}

test('an event is shown as it decodes, exactly', () => {
  const event = {
    small: 5n,
    large: 2n ** 63n - 1n,
    half: 0.5,
    nan: Number.NaN,
    at: new MsgpackTimestamp(1_700_000_000_000_000_001n),
    never: new MsgpackTimestamp(2n ** 80n),
    text: 'née',
    list: [true, null, { a: 1 }],
    bytes: Uint8Array.of(1, 2),
  }
  assert.deepEqual(shown(encoder.encode(event)), {
    small: 5,
    large: '9223372036854775807',
    half: 0.5,
    nan: 'NaN',
    at: '2023-11-14T22:13:20.000000001Z',
    never: `${2n ** 80n} ns`,
    text: 'née',
    list: [true, null, { a: 1 }],
    bytes: 'AQI=',
  })
})

test('what is no event is shown as its bytes', () => {
  const good = encoder.encode({ a: 1 })
  for (const bytes of [
    new Uint8Array(0),
    good.subarray(0, 2),
    encoder.encode([1]),
    Uint8Array.of(0xdf, 255, 255, 255, 255),
  ]) {
    assert.equal(shown(bytes), Buffer.from(bytes).toString('base64'))
  }
})
