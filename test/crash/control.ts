/**
 * The negative control: the same daemon with a library in front of it that flushes nothing. If no
 * power loss takes anything from it, none of the other results means anything.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { errorTable } from '../../src/base/errors.ts'
import type { Outcome } from './outcome.ts'
import { powerRun } from './power.ts'

/** @see https://www.flamingspork.com/projects/libeatmydata/ */
const library = 'libeatmydata.so'

/** Whether the library can be loaded in front of a program. */
export const hasControl = canLoad()

function canLoad(): boolean {
  const { status, stderr } = spawnSync('env', [`LD_PRELOAD=${library}`, 'true'])
  return status === 0 && stderr.length === 0
}

/** Throws when nothing is lost. */
export async function controlRun(options: {
  readonly seed: number
  readonly producers: number
  readonly events: number
}): Promise<Outcome> {
  const run = powerRun({ ...options, moments: 1, losses: ['none'], preload: library })
  await assert.rejects(run, (thrown: Error) => {
    // Events of the epoch are gone, or the daemon does not know that it has ever given it.
    if (thrown.message === String(errorTable.EPOCH_UNKNOWN.close)) return true
    assert.match(thrown.message, /is acknowledged and -?\d+ is there/)
    return true
  })
  const notes = ['without flushes, a power loss takes what was acknowledged: as it must']
  return { events: 0, startsMs: [], faults: 1, notes }
}
