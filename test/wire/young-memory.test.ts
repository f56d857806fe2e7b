import assert from 'node:assert/strict'
import { test } from 'node:test'
import { youngBytesMax } from '../../src/base/limits.ts'
import { YoungMemory } from '../../src/wire/young-memory.ts'

test('the young are collected once for so many bytes', () => {
  const collected: string[] = []
  const young = new YoungMemory(({ type }) => collected.push(type))
  young.handled(youngBytesMax - 1)
  assert.deepEqual(collected, [])
  young.handled(1)
  young.handled(youngBytesMax * 3)
  young.handled(youngBytesMax - 1)
  assert.deepEqual(collected, ['minor', 'minor'])
})

test('buffers that nobody holds are gone with it', () => {
  const young = new YoungMemory()
  const before = process.memoryUsage().arrayBuffers
  for (let n = 0; n < 64; n++) Buffer.alloc(1024 * 1024)
  assert.ok(process.memoryUsage().arrayBuffers > before)
  young.handled(youngBytesMax)
  // The sweeper may still be at it; what is left is far less than what was made.
  assert.ok(process.memoryUsage().arrayBuffers < before + 32 * 1024 * 1024)
})

test('a runtime that does not let it be asked for goes on', () => {
  new YoungMemory(null).handled(youngBytesMax)
})
