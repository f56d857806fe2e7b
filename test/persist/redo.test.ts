import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { crc32 } from 'node:zlib'
import { openRedo, RedoGroup, RedoWriter } from '../../src/persist/redo.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

type Pair = readonly [key: string, value: string | null]

function groupOf(pairs: readonly Pair[]): RedoGroup {
  const group = new RedoGroup()
  for (const [key, value] of pairs) {
    const at = group.add(key.length, value?.length ?? null)
    group.bytes.write(key + (value ?? ''), at)
  }
  return group
}

const groups: readonly (readonly Pair[])[] = [
  [
    ['a', '1'],
    ['b', null],
  ],
  [['c', 'x'.repeat(200_000)]],
  [['d', '']],
]

async function writeRedo(context: TestContext, written = groups): Promise<string> {
  const path = join(await temporaryDirectory(context), 'redo')
  const writer = await RedoWriter.create(path, 7)
  for (const [n, group] of written.entries()) {
    assert.equal(openRedo(path), null, 'it has no name before it is complete')
    await writer.append(groupOf(group), { isLast: n === written.length - 1 })
  }
  await writer.finish()
  return path
}

function readAll(path: string): { generation: number; groups: Pair[][] } {
  const redo = openRedo(path)!
  const read: Pair[][] = []
  try {
    // Each group at once: what it is a view of is used again.
    for (const { writes } of redo.groups()) {
      read.push(
        writes.map(({ key, value }) => [
          Buffer.from(key).toString(),
          value === null ? null : Buffer.from(value).toString(),
        ]),
      )
    }
    return { generation: redo.generation, groups: read }
  } finally {
    redo.close()
  }
}

test('what is written is read, group by group', async (context) => {
  const path = await writeRedo(context)
  assert.deepEqual(readAll(path), { generation: 7, groups })
})

test('an abandoned file is never read', async (context) => {
  const path = join(await temporaryDirectory(context), 'redo')
  const writer = await RedoWriter.create(path, 1)
  await writer.append(groupOf(groups[0]!), { isLast: true })
  await writer.abandon()
  assert.equal(openRedo(path), null)
})

/** A file of every kind of byte that is short enough to be damaged everywhere. */
const short: readonly (readonly Pair[])[] = [[['a', '1']], [['bc', 'x'.repeat(20)]], [['d', null]]]

test('any changed byte, any missing end and anything behind it is found', async (context) => {
  const path = await writeRedo(context, short)
  const bytes = await readFile(path)
  const isFound = async (damaged: Uint8Array, what: string): Promise<void> => {
    await writeFile(path, damaged)
    assert.throws(() => readAll(path), { code: 'STORE_CORRUPT' }, what)
  }
  for (let place = 0; place < bytes.length; place++) {
    for (const bits of [0x01, 0x80, 0xff]) {
      const damaged = Buffer.from(bytes)
      damaged[place]! ^= bits
      await isFound(damaged, `byte ${place} ^ ${bits}`)
    }
    await isFound(bytes.subarray(0, place), `${place} bytes`)
  }
  await isFound(Buffer.concat([bytes, Buffer.of(0)]), 'a byte more')
  await writeFile(path, bytes)
  assert.deepEqual(readAll(path).groups, short)
})

test('groups that have changed places or come from another file are found', async (context) => {
  const alike: readonly (readonly Pair[])[] = [[['a', '1']], [['b', '2']], [['c', '3']]]
  const path = await writeRedo(context, alike)
  const bytes = await readFile(path)
  const [start, size] = [20, 18]
  const group = (n: number): Buffer => bytes.subarray(start + n * size, start + (n + 1) * size)
  assert.equal(bytes.length, start + 3 * size)
  const damages = {
    swapped: [group(1), group(0), group(2)],
    'left out': [group(0), group(2)],
    repeated: [group(0), group(0), group(2)],
  }
  for (const [what, parts] of Object.entries(damages)) {
    await writeFile(path, Buffer.concat([bytes.subarray(0, start), ...parts]))
    assert.throws(() => readAll(path), { code: 'STORE_CORRUPT' }, what)
  }
})

test('a file of another format is refused as such', async (context) => {
  const path = await writeRedo(context, short)
  const bytes = await readFile(path)
  bytes.writeUInt32LE(3, 4)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16)
  await writeFile(path, bytes)
  assert.throws(() => openRedo(path), { code: 'STORE_FORMAT', message: /format 3, expected 2/ })
})

test('a group is used again, and a large one is not kept', () => {
  const group = groupOf(groups[1]!)
  assert.ok(group.byteLength > 200_000)
  assert.equal(group.writes().length, 1)
  for (let n = 0; n < 3; n++) {
    group.clear()
    assert.equal(group.byteLength, 0)
    group.add(2_000_000, 0)
  }
  group.clear()
  assert.deepEqual(group.writes(), [])
})
