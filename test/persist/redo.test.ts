import assert from 'node:assert/strict'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
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

async function writeRedo(context: TestContext): Promise<string> {
  const path = join(await temporaryDirectory(context), 'redo')
  const writer = await RedoWriter.create(path, 7)
  for (const [n, group] of groups.entries()) {
    assert.equal(openRedo(path), null, 'it has no name before it is complete')
    await writer.append(groupOf(group).seal(n === groups.length - 1))
  }
  await writer.finish()
  return path
}

function readAll(path: string): Pair[][] {
  const redo = openRedo(path)!
  try {
    return [...redo.groups()].map((writes) =>
      writes.map(({ key, value }): Pair => [
        Buffer.from(key).toString(),
        value === null ? null : Buffer.from(value).toString(),
      ]),
    )
  } finally {
    redo.close()
  }
}

test('what is written is read, group by group', async (context) => {
  const path = await writeRedo(context)
  assert.equal(openRedo(path)?.generation, 7)
  const redo = openRedo(path)!
  const read: Pair[][] = []
  for (const writes of redo.groups()) {
    read.push(
      writes.map(({ key, value }) => [
        Buffer.from(key).toString(),
        value === null ? null : Buffer.from(value).toString(),
      ]),
    )
  }
  redo.close()
  assert.deepEqual(read, groups)
})

test('an abandoned file is never read', async (context) => {
  const path = join(await temporaryDirectory(context), 'redo')
  const writer = await RedoWriter.create(path, 1)
  await writer.append(groupOf(groups[0]!).seal(true))
  await writer.abandon()
  assert.equal(openRedo(path), null)
})

test('any changed byte and any missing end is found', async (context) => {
  const path = await writeRedo(context)
  const bytes = await readFile(path)
  const corrupt = { code: 'STORE_CORRUPT' }
  const places = [0, 4, 17, 20, 30, bytes.length - 30_000, bytes.length - 1]
  for (const place of places) {
    const damaged = Buffer.from(bytes)
    damaged[place]! ^= 0x40
    await writeFile(path, damaged)
    assert.throws(() => readAll(path), corrupt, `byte ${place}`)
  }
  await writeFile(path, bytes)
  for (const length of [0, 10, 16, 20, 100, bytes.length - 1]) {
    await writeFile(path, bytes)
    await truncate(path, length)
    assert.throws(() => readAll(path), corrupt, `${length} bytes`)
  }
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
