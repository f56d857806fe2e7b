import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { crc32 } from 'node:zlib'
import {
  change,
  commit,
  entriesOf,
  idWrite,
  openAt,
  openRaw,
  put,
  write,
} from '../helpers/stores.ts'
import { storeFormat } from '../../src/persist/store-writes.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

/** A store with an entry of every kind. */
async function storeOfAll(context: TestContext): Promise<string> {
  const dir = await temporaryDirectory(context)
  const store = await openAt(dir)
  const chunk = { ...write(1, 'events'), tile: 7, part: 1 }
  await commit(store, 'header', [write(1, 'one'), chunk, idWrite(1, 10)])
  await store.close()
  return dir
}

/** Opens the store and reads all of it. */
async function readWhole(dir: string): Promise<void> {
  const store = await openAt(dir)
  try {
    store.header()
    store.scan(null, 10)
    store.scanIds(null, 10)
    store.chunks(write(1, null), 0, 10)
  } finally {
    await store.close()
  }
}

test('a stored value with any changed byte is refused', async (context) => {
  const dir = await storeOfAll(context)
  await readWhole(dir)
  const raw = openRaw(dir)
  const entries = entriesOf(raw)
  await raw.close()
  assert.equal(entries.length, 5)
  for (const { key, value } of entries) {
    for (let place = 0; place < value.length; place++) {
      await change(dir, key, ({ database }) => {
        const damaged = Buffer.from(value)
        damaged[place]! ^= 1
        return database.put(key, damaged)
      })
      const what = `byte ${place} of ${key.toString('hex')}`
      await assert.rejects(readWhole(dir), { code: 'STORE_CORRUPT' }, what)
    }
    await change(dir, key, ({ database }) => database.put(key, value))
  }
  await readWhole(dir)
})

test('a value that stands under another key is refused', async (context) => {
  const dir = await storeOfAll(context)
  const raw = openRaw(dir)
  const keys = entriesOf(raw).map(({ key }) => key)
  await raw.close()
  for (const key of keys.filter(([prefix]) => prefix! > 0)) {
    const moved = Buffer.from(key)
    moved[moved.length - 1]! ^= 1
    const move = async (from: Buffer, to: Buffer): Promise<void> => {
      await change(dir, from, async ({ database, value }) => {
        await database.put(to, value)
        return database.remove(from)
      })
    }
    await move(key, moved)
    await assert.rejects(readWhole(dir), {
      code: 'STORE_CORRUPT',
      message: new RegExp(`CRC of the value of ${moved.toString('hex')} is wrong`),
    })
    await move(moved, key)
  }
  await readWhole(dir)
})

test('a store with an entry that is missing, or one too many, is not opened', async (context) => {
  const dir = await storeOfAll(context)
  const raw = openRaw(dir)
  const entries = entriesOf(raw)
  await raw.close()
  for (const { key, value } of entries) {
    await change(dir, key, ({ database }) => database.remove(key))
    await assert.rejects(openAt(dir), { code: 'STORE_CORRUPT', message: /and \d were stored/ })
    await put(dir, key, value)
    const more = Buffer.concat([key, Buffer.of(9)])
    await put(dir, more, value)
    await assert.rejects(openAt(dir), { code: 'STORE_CORRUPT', message: /and \d were stored/ })
    await change(dir, more, ({ database }) => database.remove(more))
  }
  await readWhole(dir)
})

test('a store of another format is refused, and its redo file is left alone', async (context) => {
  const dir = await temporaryDirectory(context)
  await (await openAt(dir)).close()
  const value = Buffer.alloc(4 + 12)
  value.writeUInt32LE(storeFormat + 1, 4)
  value.writeUInt32LE(crc32(value.subarray(4), crc32(Buffer.of(0))), 0)
  await put(dir, Buffer.of(0), value)
  await writeFile(join(dir, 'redo'), 'of another format, too')
  const code = 'STORE_FORMAT'
  await assert.rejects(openAt(dir), { code, message: /format 8, expected 7/ })
  assert.equal(await readFile(join(dir, 'redo'), 'utf8'), 'of another format, too')
})

test('a store whose header is torn is refused', async (context) => {
  const dir = await temporaryDirectory(context)
  const store = await openAt(dir)
  await commit(store, 'header', [write(1, 'one')])
  await store.close()
  for (const torn of [Buffer.from([0]), Buffer.alloc(3), Buffer.from('0000000000000000')]) {
    const raw = openRaw(dir)
    await raw.put(Buffer.from([0]), torn)
    await raw.close()
    await assert.rejects(openAt(dir), { code: 'STORE_CORRUPT' })
  }
})
