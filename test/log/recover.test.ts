import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MillraceError } from '../../src/base/errors.ts'
import type { ReplayedBatch } from '../../src/journal/replay.ts'
import { journalFormat } from '../../src/journal/record.ts'
import { segmentHeaderBytes, segmentPath } from '../../src/log/segment.ts'
import { appendNext, journalDir, openOn, payloadOf, readAll } from '../helpers/journals.ts'
import { MemoryDisk } from '../helpers/memory-disk.ts'

/** A log of two segments, closed twice in good order, with batches in both. */
async function twoSegments(): Promise<{ disk: MemoryDisk; batches: ReplayedBatch[] }> {
  const disk = new MemoryDisk()
  const batches: ReplayedBatch[] = []
  for (let i = 0; i < 2; i++) {
    const { journal } = await openOn(disk)
    for (let j = 0; j < 4; j++) {
      batches.push(appendNext(journal, payloadOf(10 + 7 * j, i), { name: `p${j % 2}` }))
      if (j === 1) await journal.whenFlushed(journal.end)
    }
    await journal.close()
  }
  return { disk, batches }
}

/** A copy of a disk with one file changed. */
function changed(disk: MemoryDisk, path: string, change: (bytes: Buffer) => Buffer): MemoryDisk {
  const copy = disk.copy()
  copy.put(path, change(Buffer.from(disk.contents(path))))
  return copy
}

function flipped(offset: number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    bytes[offset]! ^= 0x40
    return bytes
  }
}

function startOf(path: string): number {
  return Number(path.slice(path.lastIndexOf('/') + 1, -'.journal'.length))
}

test('a last segment that is cut anywhere yields exactly the records before the cut', async () => {
  const { disk, batches } = await twoSegments()
  const last = disk.paths.at(-1)!
  for (let cut = 0; cut <= disk.contents(last).length; cut++) {
    const after = changed(disk, last, (bytes) => bytes.subarray(0, cut))
    const { journal } = await openOn(after)
    const whole = batches.filter(({ position }) => position <= startOf(last) + cut)
    assert.deepEqual(await readAll(journal), whole, `cut at ${cut}`)
    if (cut % 4 > 0) continue
    // The log goes on, and lasts.
    const next = appendNext(journal, payloadOf(5))
    await journal.close()
    const again = await openOn(after)
    assert.deepEqual(await readAll(again.journal), [...whole, next], `after cut at ${cut}`)
    assert.deepEqual(again.journal.producers.state(), journal.producers.state())
  }
})

test('a first segment that is cut anywhere does too', async () => {
  const { disk, batches } = await twoSegments()
  const [first, second] = disk.paths
  await disk.remove(second!)
  for (let cut = 0; cut <= disk.contents(first!).length; cut++) {
    const { journal } = await openOn(changed(disk, first!, (bytes) => bytes.subarray(0, cut)))
    const whole = batches.filter(({ position }) => position <= cut)
    assert.deepEqual(await readAll(journal), whole, `cut at ${cut}`)
  }
})

test('a flipped byte in an earlier segment is found, with file and offset', async () => {
  const { disk } = await twoSegments()
  const path = disk.paths[0]!
  for (let offset = 0; offset < disk.contents(path).length; offset++) {
    const damaged = changed(disk, path, flipped(offset))
    await assert.rejects(
      async () => readAll((await openOn(damaged)).journal),
      (error) => {
        assert.ok(error instanceof MillraceError)
        assert.equal(error.code, 'JOURNAL_CORRUPT')
        assert.equal(error.details['file'], path)
        assert.ok((error.details['offset'] as number) <= offset)
        return true
      },
      `byte ${offset}`,
    )
  }
})

test('a flipped byte in the last segment never loses what was on disk', async () => {
  const { disk, batches } = await twoSegments()
  const path = disk.paths.at(-1)!
  const { length } = disk.contents(path)
  // The mark of the close proves all before it, and holds no batch itself.
  const closedAt = length - 25
  for (let offset = 0; offset < length; offset++) {
    const opening = openOn(changed(disk, path, flipped(offset)))
    if (offset < closedAt) await assert.rejects(opening, { code: 'JOURNAL_CORRUPT' }, `${offset}`)
    else assert.deepEqual(await readAll((await opening).journal), batches, `byte ${offset}`)
  }
})

test('without a close, a bad record is torn only in the last group', async () => {
  const { journal, disk } = await openOn()
  const groups: ReplayedBatch[][] = []
  for (let i = 0; i < 3; i++) {
    groups.push([0, 1, 2].map((j) => appendNext(journal, payloadOf(20, 3 * i + j))))
    await journal.whenFlushed(journal.end)
  }
  const path = disk.paths[0]!
  const [first, second, third] = groups.map((group) => group[1]!.position - 1)
  await assert.rejects(openOn(changed(disk, path, flipped(first!))), { code: 'JOURNAL_CORRUPT' })
  await assert.rejects(openOn(changed(disk, path, flipped(second!))), { code: 'JOURNAL_CORRUPT' })
  // Whole records of the same group prove nothing: the bad one may never have been on disk.
  const torn = await openOn(changed(disk, path, flipped(third!)))
  assert.deepEqual(await readAll(torn.journal), [...groups[0]!, ...groups[1]!, groups[2]![0]!])
  assert.deepEqual(torn.journal.recovered, {
    end: groups[2]![0]!.position,
    droppedBytes: groups[2]![2]!.position - groups[2]![0]!.position,
    newestMs: groups[2]![0]!.arrivalMs,
  })
})

test('zeros behind the last record are a torn tail', async () => {
  const { journal, disk } = await openOn()
  const batch = appendNext(journal, payloadOf(20))
  await journal.whenFlushed(journal.end)
  const path = disk.paths[0]!
  const after = changed(disk, path, (bytes) => Buffer.concat([bytes, Buffer.alloc(5000)]))
  const { journal: again } = await openOn(after)
  assert.deepEqual(await readAll(again), [batch])
  assert.equal(again.recovered.droppedBytes, 5000)
})

test('an event that holds the bytes of a record is no proof of anything', async () => {
  const { journal, disk } = await openOn()
  const batch = appendNext(journal, payloadOf(20))
  await journal.whenFlushed(journal.end)
  const bytes = disk.contents(disk.paths[0]!)
  // A record of another log, whole there, that claims a group behind the torn record.
  const other = await openOn()
  appendNext(other.journal, payloadOf(4000))
  await other.journal.whenFlushed(other.journal.end)
  appendNext(other.journal, payloadOf(4000))
  await other.journal.whenFlushed(other.journal.end)
  const foreign = other.disk.contents(other.disk.paths[0]!)
  const torn = Buffer.concat([bytes, Buffer.alloc(8, 1), foreign.subarray(bytes.length + 8)])
  const { journal: again } = await openOn(changed(disk, disk.paths[0]!, () => torn))
  assert.deepEqual(await readAll(again), [batch])
})

test('a missing, a shortened and a foreign segment are found when the log is opened', async () => {
  const disk = new MemoryDisk()
  for (let i = 0; i < 3; i++) {
    const { journal } = await openOn(disk)
    appendNext(journal, payloadOf(20))
    await journal.close()
  }
  const [first, second, third] = disk.paths
  const missing = disk.copy()
  await missing.remove(second!)
  const shortened = changed(disk, second!, (bytes) => bytes.subarray(0, -1))
  const { disk: other } = await twoSegments()
  const foreign = changed(disk, first!, () => other.contents(other.paths[0]!))
  const renamed = disk.copy()
  renamed.put(third!, disk.contents(second!))
  for (const damaged of [missing, shortened, foreign, renamed]) {
    await assert.rejects(openOn(damaged), { code: 'JOURNAL_CORRUPT' })
  }
})

test('an unfinished segment without the ones before it is corrupt', async () => {
  const { disk } = await twoSegments()
  const [first, second] = disk.paths
  await disk.remove(first!)
  for (const length of [0, segmentHeaderBytes, segmentHeaderBytes + 3]) {
    const cut = changed(disk, second!, (bytes) => bytes.subarray(0, length))
    await assert.rejects(openOn(cut), { code: 'JOURNAL_CORRUPT' }, `${length} bytes`)
  }
})

test('an unfinished segment proves that all before it was on disk', async () => {
  const { disk } = await twoSegments()
  const [first, second] = disk.paths
  const damaged = changed(disk, first!, flipped(disk.contents(first!).length - 1))
  for (const length of [0, segmentHeaderBytes, segmentHeaderBytes + 3]) {
    const cut = changed(damaged, second!, (bytes) => bytes.subarray(0, length))
    await assert.rejects(openOn(cut), { code: 'JOURNAL_CORRUPT' }, `${length} bytes`)
  }
})

test('bytes behind the mark of a close are damage', async () => {
  const { disk } = await twoSegments()
  const path = disk.paths.at(-1)!
  const longer = changed(disk, path, (bytes) => Buffer.concat([bytes, Buffer.alloc(3)]))
  await assert.rejects(openOn(longer), { code: 'JOURNAL_CORRUPT' })
})

test('what was read of an unclosed log is written to the disk again before it counts', async () => {
  const { journal, disk } = await openOn()
  const batch = appendNext(journal, payloadOf(2_000_000))
  await journal.whenFlushed(journal.end)
  const path = disk.paths[0]!
  const from = disk.operations.length
  const again = await openOn(disk)
  const operations = disk.operations.slice(from).filter((operation) => operation.path === path)
  const kinds = operations.map(({ kind }) => kind).filter((kind) => kind !== 'read')
  assert.deepEqual(kinds, ['open', 'open', 'write', 'write', 'flush'])
  assert.deepEqual(await readAll(again.journal), [batch])
  await again.journal.close()

  const closed = disk.operations.length
  await openOn(disk)
  const writes = disk.operations.slice(closed).filter(({ kind }) => kind === 'write')
  assert.ok(
    writes.every(({ path }) => path === segmentPath(journalDir, again.journal.end, journalFormat)),
  )
})

/** Numbers from [0, 1), the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed | 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 0) / 4294967296
  }
}

// The disk loses power before its n-th operation and keeps any sectors of what was not flushed.
// Then: the log opens, holds everything that was reported as flushed and, of the rest, a prefix.
// Three times in a row, so that what a recovery leaves behind is recovered from as well.
test('a power loss at any moment loses nothing that was flushed', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ operations: fc.nat(40), sizes: fc.array(fc.nat(200), { maxLength: 40 }) }),
        { minLength: 3, maxLength: 3 },
      ),
      fc.integer({ min: 100, max: 5000 }),
      fc.integer(),
      async (lives, segmentBytes, seed) => {
        const random = randomFrom(seed)
        let disk = new MemoryDisk()
        let known: ReplayedBatch[] = []
        for (const { operations, sizes } of lives) {
          const life = await live(disk, { known, operations, sizes, segmentBytes, random })
          disk = life.disk
          const { journal } = await openOn(disk.copy(), { segmentBytes })
          const read = await readAll(journal)
          assert.ok(read.length >= life.flushed)
          assert.deepEqual(read, life.appended.slice(0, read.length))
          const counts = journal.producers.state().producers.map((p) => p.nextSequence)
          assert.deepEqual(counts, read.length === 0 ? counts.map(() => 0) : [read.length])
          known = read
        }
      },
    ),
    { seed: 42, numRuns: 100 },
  ))

/** Appends until the power is lost; what was appended, how much of it was flushed, and the disk. */
async function live(
  disk: MemoryDisk,
  options: {
    known: ReplayedBatch[]
    operations: number
    sizes: number[]
    segmentBytes: number
    random: () => number
  },
): Promise<{ disk: MemoryDisk; appended: ReplayedBatch[]; flushed: number }> {
  const { operations, segmentBytes, random } = options
  const appended = [...options.known]
  let lost: MemoryDisk | null = null
  let left = operations
  disk.before = () => {
    if (lost === null && left-- > 0) return
    lost ??= disk.afterPowerLoss(random)
    throw new Error('power lost')
  }
  disk.writeBytesMax = 900
  let flushedTo = 0
  try {
    const { journal } = await openOn(disk, { segmentBytes })
    journal.onFlushed((flushed) => (flushedTo = flushed))
    for (const [i, bytes] of options.sizes.entries()) {
      appended.push(appendNext(journal, payloadOf(bytes, i)))
      if (random() < 0.2) await journal.whenFlushed(journal.end)
    }
    await journal.whenFlushed(journal.end)
  } catch (error) {
    assert.match(String(error), /power lost/)
  }
  const flushed = appended.filter(({ position }) => position <= flushedTo).length
  return {
    disk: lost ?? disk.afterPowerLoss(random),
    appended,
    flushed: Math.max(flushed, options.known.length),
  }
}
