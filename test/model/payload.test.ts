import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from '@msgpack/msgpack'
import { eventsAt, eventStarts, payloadOf, skipEvents } from '../../src/model/payload.ts'

/** Events whose `bin` heads have 8, 16 and 32 bits, and an empty one. */
const events = [3, 0, 255, 256, 70_000, 1].map((bytes, n) => new Uint8Array(bytes).fill(n))

for (const count of [events.length, 40]) {
  test(`events are found in an array of ${count}`, () => {
    const all = Array.from({ length: count }, (_, n) => events[n % events.length]!)
    const payload = encode(all)
    const places = [0, 2, 3, count - 1]
    const found = eventsAt(payload, places).map((event) => Uint8Array.from(event))
    assert.deepEqual(
      found,
      places.map((place) => all[place]),
    )
    assert.deepEqual(eventsAt(payload, []), [])
    const [first, second, again, end] = eventStarts(payload, [0, 2, 2, count])
    assert.deepEqual(payload.subarray(second, end), encode(all.slice(2)).subarray(first))
    assert.deepEqual([again, end], [second, payload.length])
    assert.deepEqual(decode(skipEvents(payload, count, 4)), all.slice(4))
  })
}

test('a payload is an array of the events', () => {
  assert.deepEqual(decode(payloadOf(events)), events)
  assert.deepEqual(decode(payloadOf([])), [])
})
