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
  // Twice: the second collection waits for the sweeper of the first.
  const collect = (): number => {
    young.handled(youngBytesMax)
    young.handled(youngBytesMax)
    return process.memoryUsage().arrayBuffers
  }
  const before = collect()
  // Less than V8 would collect by itself.
  for (let n = 0; n < 16; n++) Buffer.alloc(1024 * 1024)
  assert.ok(process.memoryUsage().arrayBuffers > before + 8 * 1024 * 1024)
  assert.ok(collect() < before + 4 * 1024 * 1024)
})

test('a runtime that does not let it be asked for goes on', () => {
  new YoungMemory(null).handled(youngBytesMax)
})
