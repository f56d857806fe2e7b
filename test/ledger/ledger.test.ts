import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ledgerPageBytesMax, ledgerScanBytesMax } from '../../src/base/limits.ts'
import type { LedgerEntry } from '../../src/model/ledger.ts'
import {
  everything,
  newEntry,
  openLedgerOn,
  readLedger,
  recordedBatch,
} from '../helpers/ledgers.ts'
import { MemoryDisk } from '../helpers/memory-disk.ts'
import { readBatches } from '../../src/ledger/reader.ts'
import { randomNumbers } from '../helpers/random.ts'

const idsOf = (entries: readonly LedgerEntry[]): number[] => entries.map(({ id }) => id)

test('entries come back in order, with everything that was said of them', async () => {
  const { ledger, disk } = await openLedgerOn()
  const first = recordedBatch(100, [newEntry(7), newEntry(9, { views: ['v'] })], { producer: 'q' })
  const second = recordedBatch(250, [newEntry(0, { replayOf: 1 })], { source: 'clicks' })
  await ledger.whenFlushed(ledger.append(first))
  ledger.append(second)
  await ledger.whenFlushed()
  const entries = await readLedger(ledger)
  const expected = [first, second].flatMap(({ entries: all, duplicates: _duplicates, ...common }) =>
    all.map((entry) => ({ ...common, ...entry })),
  )
  assert.deepEqual(
    entries,
    expected.map((entry, n) => ({ id: n + 1, ...entry, isReplayed: false })),
  )
  await ledger.close()
  const again = await openLedgerOn(disk)
  assert.deepEqual(await readLedger(again.ledger), entries)
  assert.equal(again.ledger.recovered.position, 250)
  assert.deepEqual(again.ledger.summary().counts, ledger.summary().counts)
  await again.ledger.whenFlushed(again.ledger.append(recordedBatch(300)))
  assert.deepEqual(idsOf(await readLedger(again.ledger)), [1, 2, 3, 4])
})

test('duplicates are no entries, and outlive a restart with their batch', async () => {
  const { ledger, disk } = await openLedgerOn()
  ledger.append(recordedBatch(100, [newEntry(7)], { duplicates: [2, 9] }))
  ledger.append(recordedBatch(200, [], { duplicates: [2 ** 40] }))
  ledger.append(recordedBatch(300, [newEntry(8)]))
  await ledger.close()
  const again = await openLedgerOn(disk)
  assert.deepEqual(idsOf(await readLedger(again.ledger)), [1, 2])
  assert.equal(again.ledger.recovered.position, 300)
  const { seed, segments } = again.ledger.extent
  const told: [number, readonly number[]][] = []
  for await (const { batch } of readBatches({ files: disk, seed }, segments, 0)) {
    told.push([batch.position, batch.duplicates])
  }
  assert.deepEqual(told, [
    [100, [2, 9]],
    [200, [2 ** 40]],
    [300, []],
  ])
})

test('what is needed stays, whatever the bounds say', async () => {
  const { ledger, clock } = await openLedgerOn(undefined, { ledgerMsMax: 1000 })
  ledger.append(recordedBatch(100))
  await ledger.whenFlushed()
  ledger.keepBehind(ledger.extent.segments[0]!.start)
  clock.advance(5000)
  await ledger.tidy()
  await ledger.whenFlushed()
  clock.advance(5000)
  await ledger.tidy()
  assert.equal(ledger.summary().entries, 1)
  ledger.keepBehind(ledger.extent.segments.at(-1)!.end)
  await ledger.tidy()
  assert.equal(ledger.summary().entries, 0)
})

test('a batch that is not behind all others is a mistake', async () => {
  const { ledger } = await openLedgerOn()
  ledger.append(recordedBatch(100))
  assert.throws(() => ledger.append(recordedBatch(100)), /journal order/)
  assert.throws(() => ledger.append(recordedBatch(200, [])), /journal order/)
})

test('a query chooses by source, producer, code and id', async () => {
  const { ledger } = await openLedgerOn(undefined, { ledgerBytesMax: 2 ** 20 })
  for (let n = 1; n <= 60; n++) {
    const entries = [newEntry(n, { code: `C${n % 3}` }), newEntry(n + 1, { code: 'D' })]
    const from = { producer: `p${n % 2}`, source: `s${n % 5}` }
    ledger.append(recordedBatch(n * 10, entries, from))
  }
  await ledger.whenFlushed()
  const all = await readLedger(ledger)
  assert.equal(all.length, 120)
  for (const filter of [
    { source: 's2' },
    { producer: 'p1' },
    { code: 'D' },
    { source: 's1', producer: 'p0', code: 'C1' },
    { code: 'none' },
  ]) {
    const matches = all.filter((entry) =>
      Object.entries(filter).every(([name, value]) => entry[name as 'source'] === value),
    )
    assert.deepEqual(idsOf(await readLedger(ledger, { filter })), idsOf(matches))
    assert.deepEqual(idsOf(await readLedger(ledger, { filter, limit: 2 })), idsOf(matches))
    const { entries } = await ledger.read({ ...everything, filter, after: 31, upTo: 75 })
    const between = matches.filter(({ id }) => id > 31 && id <= 75)
    assert.deepEqual(idsOf(entries), idsOf(between))
  }
})

test('a page ends at its bounds, and tells where to go on only if there is more', async () => {
  const { ledger } = await openLedgerOn()
  const event = new Uint8Array(1_000_000)
  for (let n = 1; n <= 7; n++) {
    const code = n === 7 ? 'LAST' : 'OTHER'
    ledger.append(recordedBatch(n, [newEntry(n, { event, code })]))
  }
  await ledger.whenFlushed()
  const page = await ledger.read(everything)
  assert.equal(page.entries.length, Math.floor(ledgerPageBytesMax / event.length) + 1)
  assert.equal(page.next, 5)
  assert.equal((await ledger.read({ ...everything, after: 5 })).next, null)
  assert.equal(
    (await ledger.read({ ...everything, limit: 1, filter: { code: 'LAST' } })).next,
    null,
  )
})

test('a request looks at so much and no more, however little it finds', async () => {
  const { ledger } = await openLedgerOn()
  const event = new Uint8Array(4_000_000)
  const count = Math.ceil(ledgerScanBytesMax / event.length) + 3
  for (let n = 1; n <= count; n++) ledger.append(recordedBatch(n, [newEntry(n, { event })]))
  ledger.append(recordedBatch(count + 1, [newEntry(0, { code: 'LAST' })]))
  await ledger.whenFlushed()
  const filter = { code: 'LAST' }
  const first = await ledger.read({ ...everything, filter })
  assert.deepEqual([first.entries.length, first.next! < count], [0, true])
  assert.deepEqual(idsOf(await readLedger(ledger, { filter })), [count + 1])
})

test('the oldest entries go when there are too many, and are counted', async () => {
  const { ledger, disk } = await openLedgerOn(undefined, { ledgerBytesMax: 2 ** 20 })
  const event = new Uint8Array(10_000)
  for (let n = 1; n <= 500; n++) {
    ledger.append(recordedBatch(n, [newEntry(n, { event })]))
    if (n % 5 === 0) await ledger.whenFlushed()
  }
  await ledger.tidy()
  const { entries, dropped, bytes, counts } = ledger.summary()
  assert.ok(dropped > 350 && entries > 50, `${entries} entries`)
  assert.equal(entries + dropped, 500)
  assert.ok(bytes <= 2 ** 20)
  const kept = await readLedger(ledger)
  assert.deepEqual(
    idsOf(kept),
    Array.from({ length: entries }, (_, n) => dropped + 1 + n),
  )
  assert.equal(counts[0]!.rejected, 500)
  await ledger.close()
  const again = await openLedgerOn(disk, { ledgerBytesMax: 2 ** 20 })
  assert.deepEqual({ ...again.ledger.summary(), bytes }, { ...ledger.summary(), bytes })
  assert.deepEqual(await readLedger(again.ledger), kept)
})

test('entries go when they are too old, the newest segment included', async () => {
  const { ledger, clock } = await openLedgerOn(undefined, { ledgerMsMax: 8000 })
  for (let n = 1; n <= 20; n++) {
    ledger.append(recordedBatch(n))
    await ledger.whenFlushed()
    clock.advance(1000)
    await ledger.tidy()
  }
  const kept = idsOf(await readLedger(ledger))
  assert.ok(kept.length >= 7 && kept.length <= 10, kept.join())
  assert.equal(kept.at(-1), 20)
  clock.advance(10_000)
  await ledger.tidy()
  clock.advance(10_000)
  await ledger.whenFlushed()
  await ledger.tidy()
  assert.deepEqual(await readLedger(ledger), [])
  assert.equal(ledger.summary().dropped, 20)
})

test('a replay is marked when it was published, and only then', async () => {
  const { ledger, disk } = await openLedgerOn()
  ledger.append(
    recordedBatch(
      1,
      [1, 2, 3, 4, 5].map((n) => newEntry(n)),
    ),
  )
  await ledger.beginReplay({ epoch: 1, sequence: 0, ids: [1, 3] })
  ledger.publishedReplay()
  await ledger.beginReplay({ epoch: 1, sequence: 2, ids: [4] })
  const marked = async (of: typeof ledger) =>
    idsOf((await readLedger(of)).filter(({ isReplayed }) => isReplayed))
  assert.deepEqual(await marked(ledger), [1, 3])
  assert.equal(ledger.summary().replayed, 2)
  await ledger.close()

  // It never came to pass: its sequence is used for others.
  const { ledger: second } = await openLedgerOn(disk)
  assert.deepEqual(second.lastReplay, { epoch: 1, sequence: 2, ids: [4] })
  assert.deepEqual(await marked(second), [1, 3])
  await second.beginReplay({ epoch: 1, sequence: 2, ids: [5, 2] })
  await second.close()

  const { ledger: third } = await openLedgerOn(disk)
  third.publishedReplay()
  assert.deepEqual(await marked(third), [1, 2, 3, 5])
  assert.equal(third.summary().replayed, 4)
  await third.beginReplay({ epoch: 1, sequence: 4, ids: [4] })
  await third.close()
  const { ledger: fourth } = await openLedgerOn(disk)
  assert.deepEqual(await marked(fourth), [1, 2, 3, 5])
  assert.equal(fourth.summary().replayed, 4)
})

test('after a failed write nothing more is accepted', async () => {
  const { ledger, disk, failures } = await openLedgerOn()
  disk.before = (kind) => {
    if (kind === 'write') throw new Error('ENOSPC: no space left')
  }
  const end = ledger.append(recordedBatch(1))
  await assert.rejects(ledger.whenFlushed(end), { code: 'LEDGER_WRITE', message: /ENOSPC/ })
  assert.throws(() => ledger.append(recordedBatch(2)), { code: 'LEDGER_WRITE' })
  assert.equal(failures.length, 1)
  await ledger.close()
})

test('damage is found, with file and offset', async () => {
  const { ledger, disk } = await openLedgerOn()
  await ledger.whenFlushed(ledger.append(recordedBatch(1)))
  await ledger.close()
  const [path] = disk.paths
  const bytes = Buffer.from(disk.contents(path!))
  bytes[bytes.length - 40]! ^= 1
  disk.put(path!, bytes)
  await assert.rejects(openLedgerOn(disk), { code: 'LEDGER_CORRUPT' })
})

// The disk loses power before its n-th operation. Whoever has the journal appends again what the
// ledger says it does not have: then every batch is there once, and counted once.
test('a power loss at any moment loses nothing that was flushed, and nothing comes twice', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(60), { minLength: 1, maxLength: 4 }),
      fc.integer(),
      async (lives, seed) => {
        const random = randomNumbers(seed)
        const batches = Array.from({ length: 30 }, (_, n) =>
          recordedBatch(n + 1, [newEntry(n, { event: new Uint8Array(20_000) }), newEntry(n + 1)]),
        )
        let disk = new MemoryDisk()
        let flushed = 0
        for (const operations of [...lives, Infinity]) {
          let lost: MemoryDisk | null = null
          let left = operations
          disk.before = () => {
            if (lost === null && left-- > 0) return
            lost ??= disk.afterPowerLoss(random)
            throw new Error('power lost')
          }
          try {
            const { ledger } = await openLedgerOn(disk, { ledgerBytesMax: 2 ** 24 })
            const { position } = ledger.recovered
            assert.ok(position >= flushed, `${position} of ${flushed}`)
            for (const batch of batches.slice(position)) {
              const end = ledger.append(batch)
              if (random() < 0.3) {
                await ledger.whenFlushed(end)
                flushed = batch.position
              }
            }
            await ledger.whenFlushed()
            const { entries, counts } = ledger.summary()
            assert.deepEqual([entries, counts[0]!.rejected], [60, 60])
            assert.deepEqual(
              idsOf(await readLedger(ledger)),
              Array.from({ length: 60 }, (_, n) => n + 1),
            )
            await ledger.close()
          } catch (error) {
            if (lost === null) throw error
          }
          disk = lost ?? disk
          disk.before = () => {}
        }
      },
    ),
    { seed: 42, numRuns: 40 },
  ))
