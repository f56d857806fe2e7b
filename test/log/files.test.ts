import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeFiles, readFully, writeFully, type LogFile } from '../../src/log/files.ts'
import { MemoryDisk } from '../helpers/memory-disk.ts'
import { payloadOf } from '../helpers/journals.ts'

test('the file system does what the interface says', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-files-'))
  t.after(() => rm(root, { recursive: true }))
  const dir = join(root, 'a', 'b')
  await nodeFiles.createDirectory(dir)
  await nodeFiles.createDirectory(dir)
  const path = join(dir, 'x')
  await assert.rejects(nodeFiles.open(path, 'read'), /ENOENT/)
  await assert.rejects(nodeFiles.open(path, 'update'), /ENOENT/)

  const file = await nodeFiles.open(path, 'create')
  await writeFully(file, [payloadOf(10), payloadOf(5)], 0)
  await file.flush()
  await nodeFiles.flushDirectory(dir)
  assert.equal(await file.size(), 15)
  assert.deepEqual(new Uint8Array(await readFully(file, 10, 99)), payloadOf(5))
  await file.truncate(3)
  assert.equal(await file.size(), 3)
  await file.close()

  await assert.rejects(nodeFiles.open(path, 'create'), /EEXIST/)
  const again = await nodeFiles.open(path, 'update')
  await writeFully(again, [payloadOf(2, 1)], 3)
  assert.equal((await readFully(again, 0, 5)).length, 5)
  await again.close()
  assert.deepEqual(await nodeFiles.list(dir), ['x'])
  await nodeFiles.remove(path)
  assert.deepEqual(await nodeFiles.list(dir), [])
})

async function createdOn(disk: MemoryDisk): Promise<LogFile> {
  return disk.open('/log/x', 'create')
}

test('short writes are gone on with until all is written', async () => {
  const chunks = Array.from({ length: 20 }, (_, i) => payloadOf(1 + (i % 5), i))
  const expected = Buffer.concat(chunks)
  for (const writeBytesMax of [1, 2, 3, 7, 1000]) {
    const disk = new MemoryDisk()
    disk.writeBytesMax = writeBytesMax
    await writeFully(await createdOn(disk), [...chunks], 0)
    assert.deepEqual(disk.contents('/log/x'), expected)
  }
})

test('a write that takes nothing is an error, not an endless loop', async () => {
  const disk = new MemoryDisk()
  disk.writeBytesMax = 0
  await assert.rejects(writeFully(await createdOn(disk), [payloadOf(1)], 0), /no bytes/)
})

test('no write has more chunks than the system takes', async () => {
  const disk = new MemoryDisk()
  const file = await createdOn(disk)
  const lengths: number[] = []
  const counting: LogFile = {
    ...file,
    write(chunks, offset) {
      lengths.push(chunks.length)
      return file.write(chunks, offset)
    },
  }
  await writeFully(
    counting,
    Array.from({ length: 2500 }, () => payloadOf(1)),
    0,
  )
  assert.deepEqual(lengths, [1024, 1024, 452])
  assert.equal(disk.contents('/log/x').length, 2500)
})
