import assert from 'node:assert/strict'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { RedoGroup, RedoWriter } from '../../src/persist/redo.ts'
import type { ChunkWrite } from '../../src/persist/store-writes.ts'
import {
  batchesOf,
  bytesOf,
  commit,
  get,
  idOf,
  idWrite,
  leaveRedo,
  openAt,
  textOf,
  write,
} from '../helpers/stores.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

test('a new store is empty', async (context) => {
  const store = await openAt(await temporaryDirectory(context))
  assert.equal(store.header(), null)
  assert.equal(store.count, 0)
  assert.equal(get(store, 1), null)
  assert.deepEqual(store.scan(null, 10), [])
  assert.deepEqual(store.chunks(write(1, null), -1, 1), [])
  await store.close()
})

test('a commit changes keys and header together, and outlives the store', async (context) => {
  const dir = await temporaryDirectory(context)
  const store = await openAt(dir)
  await commit(store, 'first', [write(1, 'one'), write(2, 'two')])
  await commit(store, 'second', [write(1, 'ONE'), write(3, 'three')], [write(2, null)])
  await store.close()
  const again = await openAt(dir)
  assert.equal(textOf(again.header()), 'second')
  assert.deepEqual(
    [1, 2, 3].map((n) => get(again, n)),
    ['ONE', null, 'three'],
  )
  assert.equal(again.count, 2)
  await again.close()
})

test('views and hashes keep equal keys apart', async (context) => {
  const store = await openAt(await temporaryDirectory(context))
  await commit(store, '', [write(1, 'of 0'), write(1, 'of 1', 1), { ...write(1, 'x'), keyHash: 7 }])
  assert.equal(get(store, 1), 'of 0')
  assert.equal(get(store, 1, 1), 'of 1')
  assert.equal(textOf(store.get({ view: 0, keyHash: 7, key: bytesOf('key 1') })), 'x')
  await store.close()
})

test('chunks of a key are found by tile and part, and are no keys', async (context) => {
  const dir = await temporaryDirectory(context)
  const chunk = (n: number, tile: number, part: number, value: string | null): ChunkWrite => ({
    ...write(n, value),
    tile,
    part,
  })
  const store = await openAt(dir)
  await commit(store, 'first', [
    write(1, 'state'),
    chunk(1, 7, 100, 'b'),
    chunk(1, -3, 2 ** 52, 'a'),
    chunk(1, 8, 100, 'd'),
    chunk(2, 7, 100, 'of another'),
  ])
  await commit(store, 'second', [chunk(1, 7, 2 ** 33, 'c'), chunk(1, 8, 100, null)])
  assert.equal(store.count, 1)
  assert.equal(store.scan(null, 10).length, 1)
  await store.close()
  const again = await openAt(dir)
  const found = (first: number, last: number) =>
    again
      .chunks(write(1, null), first, last)
      .map(({ tile, part, value }) => [tile, part, textOf(value)])
  assert.deepEqual(found(-10, 10), [
    [-3, 2 ** 52, 'a'],
    [7, 100, 'b'],
    [7, 2 ** 33, 'c'],
  ])
  assert.deepEqual(found(7, 7), [
    [7, 100, 'b'],
    [7, 2 ** 33, 'c'],
  ])
  assert.deepEqual(found(8, 8), [])
  const places = (tile: number, part: number, limit = 10) =>
    again
      .chunkPlaces({ ...write(1, null), tile, part }, 7, limit)
      .map((place) => [place.tile, place.part])
  assert.deepEqual(places(-10, 0, 2), [
    [-3, 2 ** 52],
    [7, 100],
  ])
  assert.deepEqual(places(7, 101), [[7, 2 ** 33]])
  assert.equal(again.generation, 2)
  await again.close()
})

test('ids are stored with the state, found, scanned and removed; no keys', async (context) => {
  const dir = await temporaryDirectory(context)
  const store = await openAt(dir)
  await commit(store, 'first', [write(1, 'state'), idWrite(3, 30), idWrite(1, 10), idWrite(2, 20)])
  await commit(store, 'second', [idWrite(1, 11.5), idWrite(3, null), idWrite(9, null)])
  assert.deepEqual([store.count, store.idCount], [1, 2])
  await store.close()
  const again = await openAt(dir)
  assert.deepEqual([again.count, again.idCount], [1, 2])
  assert.deepEqual(
    [1, 2, 3].map((n) => again.arrivalOf(idOf(n))),
    [11.5, 20, null],
  )
  const many = Array.from({ length: 600 }, (_, n) => idWrite(n + 100, n))
  await commit(again, 'large', many)
  const seen: number[] = []
  for (let cursor = again.scanIds(null, 7); cursor.length > 0;) {
    seen.push(...cursor.map(({ arrivalMs }) => arrivalMs))
    cursor = again.scanIds(cursor.at(-1)!, 7)
  }
  assert.deepEqual(seen, [11.5, 20, ...many.keys()])
  assert.deepEqual(again.scan(null, 10).length, 1)
  await again.close()
})

test('a large commit goes through the redo file and leaves none behind', async (context) => {
  const dir = await temporaryDirectory(context)
  const store = await openAt(dir)
  const many = Array.from({ length: 3000 }, (_, n) => write(n, `value ${n}`))
  await commit(store, 'many', many.slice(0, 700), many.slice(700))
  await commit(
    store,
    'fewer',
    many.map((each, n) => (n % 3 === 0 ? { ...each, value: null } : each)),
  )
  await store.close()
  assert.deepEqual((await readdir(dir)).toSorted(), ['data.mdb', 'lock.mdb'])
  const again = await openAt(dir)
  assert.equal(textOf(again.header()), 'fewer')
  assert.equal(again.count, 2000)
  assert.equal(get(again, 1), 'value 1')
  assert.equal(get(again, 3), null)
  await again.close()
})

test('a commit that is given up changes nothing, large or small', async (context) => {
  const dir = await temporaryDirectory(context)
  const store = await openAt(dir)
  await commit(store, 'before', [write(1, 'one')])
  for (const count of [1, 1000]) {
    const writes = Array.from({ length: count }, (_, n) => write(n, 'new'))
    const ready = Promise.resolve(false)
    const batches = batchesOf(writes)
    assert.equal(await store.commit({ header: bytesOf('after'), batches, ready }), false)
    assert.equal(get(store, 1), 'one')
  }
  await store.close()
  const again = await openAt(dir)
  assert.equal(textOf(again.header()), 'before')
  await again.close()
})

test('a commit that a crash interrupted is finished at the next start', async (context) => {
  const [dir, other] = [await temporaryDirectory(context), await temporaryDirectory(context)]
  const store = await openAt(dir)
  await commit(store, 'first', [write(1, 'one')])
  await store.close()
  const model = await openAt(other)
  await commit(model, 'spent', [])
  await commit(model, 'second', [write(1, 'ONE'), write(2, 'two')])
  await model.close()
  await leaveRedo(dir, 2, other)
  const again = await openAt(dir)
  assert.equal(textOf(again.header()), 'second')
  assert.deepEqual([get(again, 1), get(again, 2)], ['ONE', 'two'])
  await commit(again, 'third', [write(1, '1')])
  await again.close()
  assert.deepEqual((await readdir(dir)).toSorted(), ['data.mdb', 'lock.mdb'])
})

test('a damaged redo file is refused before any of it is brought in', async (context) => {
  const dir = await temporaryDirectory(context)
  const store = await openAt(dir)
  await commit(store, 'first', [write(1, 'one')])
  await store.close()
  const writer = await RedoWriter.create(join(dir, 'redo'), 2)
  for (const isLast of [false, true]) {
    const group = new RedoGroup()
    const at = group.add(8, 3)
    group.bytes.fill(1, at, at + 11)
    await writer.append(group, { isLast })
  }
  await writer.finish()
  const redo = await readFile(join(dir, 'redo'))
  redo[redo.length - 1]! ^= 1
  await writeFile(join(dir, 'redo'), redo)
  await assert.rejects(openAt(dir), { code: 'STORE_CORRUPT', message: /redo: CRC of a group/ })
  // Without it, the store is what it was before.
  await rm(join(dir, 'redo'))
  const again = await openAt(dir)
  assert.equal(textOf(again.header()), 'first')
  assert.equal(again.scan(null, 10).length, 1)
  await again.close()
})

test('ids of a commit that a crash interrupted are there at the next start', async (context) => {
  const dir = await temporaryDirectory(context)
  const store = await openAt(dir)
  await commit(store, 'first', [idWrite(1, 10)])
  await store.close()
  const writer = await RedoWriter.create(join(dir, 'redo'), 2)
  const group = new RedoGroup()
  // As a commit has it: a CRC of both in front of the value.
  const arrival = Buffer.alloc(8)
  arrival.writeDoubleLE(20)
  const at = group.add(idOf(2).length, 4 + arrival.length)
  group.bytes.set(idOf(2), at)
  group.bytes.writeUInt32LE(crc32(arrival, crc32(idOf(2))), at + idOf(2).length)
  group.bytes.set(arrival, at + idOf(2).length + 4)
  const removedAt = group.add(idOf(1).length, null)
  group.bytes.set(idOf(1), removedAt)
  await writer.append(group, { isLast: true })
  await writer.finish()
  const again = await openAt(dir)
  assert.deepEqual([again.arrivalOf(idOf(1)), again.arrivalOf(idOf(2))], [null, 20])
  await again.close()
})

test('a redo file that was brought in does not undo what came after it', async (context) => {
  const [dir, other] = [await temporaryDirectory(context), await temporaryDirectory(context)]
  const store = await openAt(dir)
  for (const header of ['first', 'second', 'third']) await commit(store, header, [write(1, header)])
  await store.close()
  const model = await openAt(other)
  await commit(model, 'old', [write(1, 'old')])
  await model.close()
  await leaveRedo(dir, 2, other)
  const again = await openAt(dir)
  assert.equal(textOf(again.header()), 'third')
  assert.equal(get(again, 1), 'third')
  await again.close()
})

test('a scan meets every key once, in order, whatever its limit', async (context) => {
  const store = await openAt(await temporaryDirectory(context))
  const writes = Array.from({ length: 50 }, (_, n) => write(n, `${n}`, n % 3))
  await commit(store, 'header', writes)
  for (const limit of [1, 7, 50, 60]) {
    const seen: string[] = []
    let cursor = store.scan(null, limit)
    while (cursor.length > 0) {
      seen.push(...cursor.map(({ value }) => textOf(value)!))
      cursor = store.scan(cursor.at(-1)!, limit)
    }
    const ordered = writes.toSorted((a, b) => a.view - b.view || a.keyHash - b.keyHash)
    assert.deepEqual(
      seen,
      ordered.map(({ value }) => textOf(value)),
    )
  }
  await store.close()
})
