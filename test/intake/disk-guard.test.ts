import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  diskBytesPerJournalByte,
  diskFilesMin,
  diskReserveBytesMax,
} from '../../src/base/limits.ts'
import { DiskGuard, spaceOf, type DiskSpace } from '../../src/intake/disk-guard.ts'
import { temporaryDir } from '../helpers/daemons.ts'

const gib = 1024 ** 3

/** A large disk with so much free; so little of it is the reserve that it is a round number. */
const space = (freeBytes: number, freeFiles = Infinity): DiskSpace => ({
  totalBytes: 100 * gib,
  freeBytes,
  freeFiles,
})
const nothing = { end: 0, checkpointed: 0 }

test('events are refused while less is free than is kept back, until there is a part more', () => {
  const disk = new DiskGuard()
  assert.equal(disk.refusalAt(1e15), null)
  disk.look(space(1.5 * gib), nothing)
  assert.equal(disk.refusalAt(0), null)
  assert.equal(disk.warning?.code, 'STORAGE_LOW')
  disk.look(space(gib - 1), nothing)
  assert.equal(disk.refusalAt(0)?.code, 'STORAGE_FULL')
  assert.match(disk.refusalAt(0)!.message, /1073741823 bytes .* 1073741824 bytes are kept back/)
  disk.look(space(1.19 * gib), nothing)
  assert.equal(disk.refusalAt(0)?.code, 'STORAGE_FULL')
  disk.look(space(1.21 * gib), nothing)
  assert.equal(disk.refusalAt(0), null)
  disk.look(space(3 * gib), nothing)
  assert.equal(disk.warning, null)
})

test('of a small disk a twentieth is kept back', () => {
  const disk = new DiskGuard()
  disk.look({ totalBytes: 1000, freeBytes: 50, freeFiles: Infinity }, nothing)
  assert.equal(disk.refusalAt(0), null)
  disk.look({ totalBytes: 1000, freeBytes: 49, freeFiles: Infinity }, nothing)
  assert.notEqual(disk.refusalAt(0), null)
})

test('a disk that can take no more files is full, too', () => {
  const disk = new DiskGuard()
  disk.look(space(50 * gib, diskFilesMin - 1), nothing)
  assert.equal(disk.refusalAt(0)?.code, 'STORAGE_FULL')
  disk.look(space(50 * gib, 1.5 * diskFilesMin), nothing)
  assert.equal(disk.refusalAt(0), null)
  assert.equal(disk.warning?.code, 'STORAGE_LOW')
})

test('what is journalled and not checkpointed is still to be written', () => {
  const disk = new DiskGuard()
  disk.look(space(2 * gib), { end: gib, checkpointed: gib / 4 })
  assert.equal(disk.refusalAt(gib)?.code, 'STORAGE_FULL')
  disk.look(space(2 * gib), { end: gib, checkpointed: gib })
  assert.equal(disk.refusalAt(gib), null)
})

test('whatever is taken between two looks fits, with its redo file and its store', () => {
  const arbitrary = fc.array(
    fc.record({ bytes: fc.nat({ max: gib }), isCheckpoint: fc.boolean(), looks: fc.boolean() }),
  )
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 8 }), arbitrary, (freeGib, steps) => {
      const disk = new DiskGuard()
      let freeBytes = freeGib * gib
      let end = 0
      let checkpointed = 0
      disk.look(space(freeBytes), { end, checkpointed })
      for (const { bytes, isCheckpoint, looks } of steps) {
        // A batch is taken whole, if it is at all.
        if (disk.refusalAt(end) === null) {
          end += Math.min(bytes, gib / 8)
          freeBytes -= Math.min(bytes, gib / 8)
        }
        if (isCheckpoint) {
          freeBytes -= diskBytesPerJournalByte * (end - checkpointed)
          checkpointed = end
        }
        if (looks) disk.look(space(freeBytes), { end, checkpointed })
        const batchBytes = (gib / 8) * (1 + diskBytesPerJournalByte)
        assert.ok(freeBytes >= Math.min(freeGib * gib, diskReserveBytesMax - batchBytes))
      }
    }),
    { seed: 3, numRuns: 300 },
  )
})

test('the space of a directory is that of its file system', async (t) => {
  const { totalBytes, freeBytes, freeFiles } = await spaceOf(await temporaryDir(t))
  assert.ok(totalBytes >= freeBytes && freeBytes > 0)
  assert.ok(freeFiles > 0)
})
