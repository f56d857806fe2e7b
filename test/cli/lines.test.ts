import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readLines } from '../../src/cli/lines.ts'

/** The lines of a text that comes in chunks of so many bytes. */
async function linesOf(text: string | Uint8Array, chunkBytes: number): Promise<(string | null)[]> {
  const bytes = Buffer.from(text)
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      yield await Promise.resolve(bytes.subarray(at, at + chunkBytes))
    }
  }
  const lines: (string | null)[] = []
  for await (const line of readLines(chunks())) lines.push(line)
  return lines
}

test('lines end with a line feed, a carriage return before it is no part of them', async () => {
  assert.deepEqual(await linesOf('a\r\nb\n\nc', 100), ['a', 'b', '', 'c'])
  assert.deepEqual(await linesOf('a\n', 100), ['a'])
  assert.deepEqual(await linesOf('', 100), [])
})

test('a line that is not UTF-8 is null, and the lines around it are what they are', async () => {
  const bytes = Buffer.from('a\n?\nb?\né\n?')
  bytes.forEach((byte, at) => {
    if (byte === 0x3f) bytes[at] = 0xff
  })
  for (const chunkBytes of [1, 2, 100]) {
    assert.deepEqual(await linesOf(bytes, chunkBytes), ['a', null, null, 'é', null])
  }
  assert.deepEqual(await linesOf(Buffer.from('é').subarray(0, 1), 100), [null])
})

test('a byte order mark before the first line is no part of it', async () => {
  assert.deepEqual(await linesOf('\ufeffa\n\ufeffb', 1), ['a', '\ufeffb'])
})

test('lines do not depend on where the chunks are cut', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\n', '\r', '\u2028') })
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (text, chunkBytes) => {
      assert.deepEqual(await linesOf(text, chunkBytes), await linesOf(text, 1000))
    }),
    { seed: 42, numRuns: 200 },
  )
})
