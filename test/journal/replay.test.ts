import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendNext, openOn, payloadOf, readAll } from '../helpers/journals.ts'

test('sources are given the numbers they have now, by name', async () => {
  const { journal, disk } = await openOn(undefined, { sources: ['a', 'b', 'c'] })
  for (const source of [0, 1, 2, -1]) appendNext(journal, payloadOf(5), { source })
  await journal.close()
  const again = await openOn(disk, { sources: ['c', 'new', 'a'] })
  appendNext(again.journal, payloadOf(5), { source: 1 })
  await again.journal.whenFlushed(again.journal.end)
  const sources = (await readAll(again.journal)).map(({ source }) => source)
  assert.deepEqual(sources, [2, -1, 0, -1, 1])
})

test('a read starts behind the batch that ends at its position', async () => {
  const { journal } = await openOn(undefined, { segmentBytes: 150 })
  const batches = Array.from({ length: 9 }, (_, i) => appendNext(journal, payloadOf(40, i)))
  await journal.whenFlushed(journal.end)
  for (const [i, { position }] of batches.entries()) {
    assert.deepEqual(await readAll(journal, position), batches.slice(i + 1))
    assert.deepEqual(await readAll(journal, position - 1), batches.slice(i))
  }
})

test('a read gives what was flushed when it was asked for', async () => {
  const { journal } = await openOn()
  const first = appendNext(journal, payloadOf(40))
  assert.deepEqual(await readAll(journal), [])
  await journal.whenFlushed(journal.end)
  const reading = journal.read(0)
  appendNext(journal, payloadOf(40))
  await journal.whenFlushed(journal.end)
  const read = []
  for await (const { position } of reading) read.push(position)
  assert.deepEqual(read, [first.position])
})

test('a read behind the end of the log is refused: its records are missing', async () => {
  const { journal } = await openOn()
  assert.deepEqual(await readAll(journal, journal.flushed), [])
  await assert.rejects(readAll(journal, journal.flushed + 1), { code: 'JOURNAL_CORRUPT' })
})

test('a read that is left early closes its file', async () => {
  const { journal, disk } = await openOn()
  for (let i = 0; i < 3; i++) appendNext(journal, payloadOf(40, i))
  await journal.whenFlushed(journal.end)
  let closed = 0
  const open = disk.open.bind(disk)
  disk.open = async (path, mode) => {
    const file = await open(path, mode)
    return {
      ...file,
      close: () => {
        closed += 1
        return file.close()
      },
    }
  }
  for await (const { position } of journal.read(0)) {
    assert.ok(position > 0)
    break
  }
  assert.equal(closed, 1)
})

test('payloads stay as they are while the read goes on', async () => {
  const { journal } = await openOn()
  const batches = Array.from({ length: 40 }, (_, i) => appendNext(journal, payloadOf(100_000, i)))
  await journal.whenFlushed(journal.end)
  const payloads: Uint8Array[] = []
  for await (const { payload } of journal.read(0)) payloads.push(payload)
  assert.deepEqual(
    payloads.map((payload) => new Uint8Array(payload)),
    batches.map(({ payload }) => payload),
  )
})
