import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../src/base/clock.ts'
import { logGroupBytesMax } from '../../src/base/limits.ts'
import { openJournal } from '../../src/journal/journal.ts'
import type { ReplayedBatch } from '../../src/journal/replay.ts'
import { MemoryDisk } from '../helpers/memory-disk.ts'
import { appendNext, openOn, payloadOf, readAll } from '../helpers/journals.ts'

/** A promise and the function that resolves it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

test('batches come back from a directory after it was closed', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-journal-'))
  t.after(() => rm(root, { recursive: true }))
  const options = {
    dir: join(root, 'journal'),
    clock: new ManualClock(1000),
    sources: ['clicks'],
    segmentBytes: 3000,
    onFailure: (error: Error) => assert.fail(error),
  }
  const journal = await openJournal(options)
  const written: ReplayedBatch[] = []
  // Small, copied and kept payloads, and one larger than what is read at once.
  for (const bytes of [0, 1, 90, 4096, 5000, 1_500_000, 20]) {
    written.push(appendNext(journal, payloadOf(bytes), { count: 3 }))
  }
  await journal.whenFlushed(journal.end)
  assert.deepEqual(await readAll(journal), written)
  await journal.close()

  const again = await openJournal(options)
  assert.equal(again.logId, journal.logId)
  assert.ok(again.segments.length > 3)
  const newestMs = written.at(-1)!.arrivalMs
  assert.deepEqual(again.recovered, { end: journal.end, droppedBytes: 0, newestMs })
  assert.deepEqual(await readAll(again), written)
  const opening = again.openProducer('p', 1)
  assert.ok(opening.kind === 'resume')
  assert.equal(opening.producer.nextSequence, 21)
  await again.close()
})

test('whatever is appended is read back, from any position, after any number of openings', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          {
            weight: 8,
            arbitrary: fc.record({ bytes: fc.nat(9000), name: fc.nat(2), source: fc.nat(1) }),
          },
          { weight: 1, arbitrary: fc.constant('reopen' as const) },
          { weight: 1, arbitrary: fc.constant('flush' as const) },
        ),
        { maxLength: 30 },
      ),
      fc.integer({ min: 1, max: 20_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (steps, segmentBytes, part) => {
        const disk = new MemoryDisk()
        let { journal } = await openOn(disk, { segmentBytes })
        const written: ReplayedBatch[] = []
        for (const [i, step] of steps.entries()) {
          if (step === 'flush') await journal.whenFlushed(journal.end)
          else if (step === 'reopen') {
            await journal.close()
            journal = (await openOn(disk, { segmentBytes })).journal
          } else {
            const { bytes, name, source } = step
            const options = { name: `p${name}`, source: source - 1, count: 1 + (i % 3) }
            written.push(appendNext(journal, payloadOf(bytes, i), options))
          }
        }
        await journal.whenFlushed(journal.end)
        const from = Math.floor(part * journal.flushed)
        assert.deepEqual(
          await readAll(journal, from),
          written.filter(({ position }) => position > from),
        )
        await journal.close()
      },
    ),
    { seed: 42, numRuns: 60 },
  ))

test('positions and arrival times never decrease, even when the clock is set back', async () => {
  const { journal, clock, disk } = await openOn()
  clock.set(5_000_000_000_000)
  const a = appendNext(journal, payloadOf(10))
  clock.set(1000)
  const b = appendNext(journal, payloadOf(10))
  assert.equal(b.arrivalMs, a.arrivalMs)
  assert.ok(b.position > a.position)
  await journal.close()

  const again = await openOn(disk)
  assert.ok(again.clock.nowMs() < a.arrivalMs)
  const c = appendNext(again.journal, payloadOf(10))
  assert.equal(c.arrivalMs, a.arrivalMs)
  assert.ok(c.position > b.position)
})

test('the journal says which sources and producers it takes', async () => {
  const { journal } = await openOn()
  assert.throws(() => appendNext(journal, payloadOf(1), { source: 2 }), /known or -1/)
  const unopened = { source: 0, sourceName: 'clicks', producer: 9, epoch: 1, sequence: 0, count: 1 }
  assert.throws(() => journal.append({ ...unopened, payload: payloadOf(1) }), /open epoch/)
  assert.equal(journal.openProducer('p', 4).kind, 'unknown')
})

test('an append does no I/O, and all appends of one turn are flushed at once', async () => {
  const { journal, disk } = await openOn()
  const before = { write: disk.count('write'), flush: disk.count('flush') }
  for (let i = 0; i < 1000; i++) appendNext(journal, payloadOf(100, i))
  assert.deepEqual([disk.count('write'), disk.count('flush')], [before.write, before.flush])
  await journal.whenFlushed(journal.end)
  assert.deepEqual([disk.count('write'), disk.count('flush')], [before.write + 1, before.flush + 1])
})

test('everything appended while a group is written is the next group', async () => {
  const { journal, disk } = await openOn()
  const reached: number[] = []
  const forget = journal.onFlushed((flushed) => reached.push(flushed))
  const { opened, open } = gate()
  const entered = gate()
  disk.before = (kind) => {
    if (kind !== 'flush') return
    entered.open()
    return opened
  }
  const first = appendNext(journal, payloadOf(10)).position
  await entered.opened
  for (let i = 0; i < 500; i++) appendNext(journal, payloadOf(5000, i))
  assert.equal(journal.flushed, journal.recovered.end + journal.segments[0]!.end)
  open()
  await journal.whenFlushed(journal.end)
  assert.deepEqual(reached, [first, journal.end])
  forget()
  appendNext(journal, payloadOf(10))
  await journal.whenFlushed(journal.end)
  assert.equal(reached.length, 2)
})

test('a group is bounded, and the next one follows', async () => {
  const { journal } = await openOn()
  const reached: number[] = []
  journal.onFlushed((flushed) => reached.push(flushed))
  const payload = payloadOf(logGroupBytesMax / 2)
  for (let i = 0; i < 5; i++) appendNext(journal, payload)
  await journal.whenFlushed(journal.end)
  assert.equal(reached.length, 3)
  assert.equal(reached.at(-1), journal.end)
})

test('a flush is waited for until its own position, and no longer', async () => {
  const { journal } = await openOn()
  const payload = payloadOf(logGroupBytesMax)
  const a = appendNext(journal, payload).position
  const b = appendNext(journal, payload).position
  const order: string[] = []
  await Promise.all([
    journal.whenFlushed(b).then(() => order.push(`b ${journal.flushed === b}`)),
    journal.whenFlushed(a).then(() => order.push(`a ${journal.flushed === a}`)),
  ])
  assert.deepEqual(order, ['a true', 'b true'])
  assert.throws(() => journal.whenFlushed(b + 1), /appended/)
})

test('a segment is on disk, name included, before the first record behind it', async () => {
  const { journal, disk } = await openOn(undefined, { segmentBytes: 100 })
  appendNext(journal, payloadOf(100))
  appendNext(journal, payloadOf(100))
  await journal.whenFlushed(journal.end)
  const kinds = disk.operations.map(({ kind }) => kind)
  const creation = ['create', 'write', 'flush', 'directory', 'write', 'flush']
  const group = ['write', 'flush']
  assert.deepEqual(kinds, ['list', ...creation, ...group, ...creation, ...group])
})

for (const kind of ['write', 'flush', 'create', 'directory'] as const) {
  test(`after a failed ${kind} nothing more is reported as flushed or accepted`, async () => {
    const { journal, disk, failures } = await openOn(undefined, { segmentBytes: 100 })
    appendNext(journal, payloadOf(100))
    await journal.whenFlushed(journal.end)
    const { flushed } = journal
    journal.onFlushed(() => assert.fail('nothing is flushed any more'))
    disk.before = (operation) => {
      if (operation === kind) throw new Error('EIO: i/o error')
    }
    appendNext(journal, payloadOf(100))
    appendNext(journal, payloadOf(100))
    await assert.rejects(journal.whenFlushed(journal.end), {
      code: 'JOURNAL_WRITE',
      message: /EIO: i\/o error/,
    })
    const operations = disk.operations.length
    assert.equal(failures.length, 1)
    assert.throws(() => appendNext(journal, payloadOf(1)), { code: 'JOURNAL_WRITE' })
    assert.throws(() => journal.openProducer('q', null), { code: 'JOURNAL_WRITE' })
    await assert.rejects(journal.whenFlushed(journal.end), { code: 'JOURNAL_WRITE' })
    assert.equal(journal.flushed, flushed)
    disk.before = () => {}
    await journal.close()
    assert.equal(failures.length, 1)
    assert.equal(disk.operations.length, operations, 'nothing is tried again')
  })
}

test('closing flushes what was appended, once', async () => {
  const { journal, disk } = await openOn()
  const batch = appendNext(journal, payloadOf(10))
  await Promise.all([journal.close(), journal.close()])
  assert.equal(journal.flushed, journal.end)
  assert.throws(() => appendNext(journal, payloadOf(10)), /closed log/)
  const again = await openOn(disk)
  assert.deepEqual(await readAll(again.journal), [batch])
})
