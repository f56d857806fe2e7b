/**
 * Journals whose files are almost right.
 *
 * A journal that opens holds what was written, from the first record to some last one; any other is
 * refused with a code. A record that was never written is never read.
 */
import assert from 'node:assert/strict'
import { MillraceError } from '../../src/base/errors.ts'
import type { ReplayedBatch } from '../../src/journal/replay.ts'
import { appendNext, openOn, payloadOf, readAll } from '../helpers/journals.ts'
import { MemoryDisk } from '../helpers/memory-disk.ts'
import { mutated, pick } from '../helpers/mutate.ts'
import { Meter, type Extent } from './finding.ts'

const refusals: readonly string[] = ['JOURNAL_CORRUPT', 'STORE_FORMAT']

/** Three segments; the last was not closed. */
async function written(): Promise<{ disk: MemoryDisk; batches: ReplayedBatch[] }> {
  const disk = new MemoryDisk()
  const batches: ReplayedBatch[] = []
  for (let life = 0; life < 3; life++) {
    const { journal } = await openOn(disk)
    for (let n = 0; n < 5; n++) {
      batches.push(appendNext(journal, payloadOf(20 + 9 * n, life), { name: `p${n % 2}` }))
      await journal.whenFlushed(journal.end)
    }
    if (life < 2) await journal.close()
  }
  return { disk, batches }
}

export async function fuzzJournals({ count, random, isOver }: Extent): Promise<Meter> {
  const meter = new Meter('journal')
  const { disk, batches } = await written()
  const files = disk.paths.map((path) => disk.contents(path))
  for (let n = 0; n < count && !isOver(); n++) {
    const path = pick(random, disk.paths)
    const bytes = mutated([disk.contents(path)], random, files)
    const damaged = disk.copy()
    damaged.put(path, bytes)
    await meter.wait(bytes, async () => {
      const read = await readBack(damaged)
      if (read !== null) assert.deepEqual(read, batches.slice(0, read.length))
    })
  }
  return meter
}

/** What a journal holds; null when it is refused. */
async function readBack(disk: MemoryDisk): Promise<ReplayedBatch[] | null> {
  try {
    const { journal } = await openOn(disk)
    const batches = await readAll(journal)
    await journal.close()
    return batches
  } catch (thrown) {
    assert.ok(thrown instanceof MillraceError && refusals.includes(thrown.code), String(thrown))
    return null
  }
}
