import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  receivingBytesTotalMax,
  sendBufferBytesTotalMax,
  wireBytesBetweenLooks,
} from '../../src/base/limits.ts'
import { WireMemory } from '../../src/wire/wire-memory.ts'

/** Connections that hold so many bytes; those that are cut hold nothing any more. */
function setUp(
  holdings: readonly { receiving?: number; age?: number; sending?: number }[],
): readonly number[] {
  const cut: number[] = []
  const holders = holdings.map(({ receiving = 0, age = 0, sending = 0 }, n) => ({
    receivingBytes: receiving,
    receivingAge: age,
    sendingBytes: sending,
    cutOverloaded(): void {
      cut.push(n)
    },
  }))
  const memory = new WireMemory(holders)
  memory.moved(wireBytesBetweenLooks - 1)
  assert.deepEqual(cut, [])
  memory.moved(1)
  return cut
}

test('within the bounds nobody is cut', () => {
  assert.deepEqual(setUp([{ receiving: receivingBytesTotalMax, sending: 1 }]), [])
  assert.deepEqual(setUp([{ sending: sendBufferBytesTotalMax }, { receiving: 1 }]), [])
})

test('of messages that do not come whole the oldest go, until the rest is within the bound', () => {
  const half = receivingBytesTotalMax / 2
  const newest = { receiving: half, age: 1 }
  const holdings = [newest, { receiving: 10, age: 3 }, { receiving: half, age: 2 }, { age: 9 }]
  assert.deepEqual(setUp(holdings), [1])
  assert.deepEqual(setUp([...holdings, { receiving: half, age: 2 }]), [1, 2])
})

test('of what is not taken, those go for whom most waits', () => {
  const half = sendBufferBytesTotalMax / 2
  assert.deepEqual(setUp([{ sending: half }, { sending: half + 1 }, { sending: 1 }]), [1])
})
