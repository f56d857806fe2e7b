/**
 * `kill -9` at any moment of a live load, and while the next start recovers.
 *
 * After every restart, all that was sent is acknowledged and the daemon is held against the
 * recount: what it had acknowledged before is not sent again, so if that was lost it is missing.
 */
import assert from 'node:assert/strict'
import { killInRecovery } from '../helpers/served.ts'
import { assertBounded } from './bounds.ts'
import type { Outcome } from './outcome.ts'
import { Scene } from './scene.ts'

export interface KillOptions {
  readonly rounds: number
  readonly seed: number
  readonly producers: number
  /** Events acknowledged between two kills, at most. */
  readonly eventsMax: number
  /** How often the last start of all is killed while it recovers. */
  readonly recoveries: number
  readonly say?: (line: string) => void
}

/** Turns of the event loop after which a recovery is killed, at most. */
const turnsMax = 200

export async function killRun(options: KillOptions): Promise<Outcome> {
  const { rounds, eventsMax, recoveries, say = () => {} } = options
  const scene = await Scene.open(options)
  try {
    const { load } = scene
    for (let round = 1; round <= rounds; round++) {
      await load.acknowledgedMore(1 + scene.draw(eventsMax))
      await scene.served.kill()
      // One start in three dies early, too; the last one again and again.
      const left = round === rounds ? recoveries : Number(scene.draw(3) === 0)
      for (let n = 0; n < left; n++) {
        await killInRecovery(scene.options(), scene.draw(turnsMax))
      }
      await scene.restart()
      await load.check(await scene.url)
      const held = await assertBounded(
        scene.dataDir,
        scene.served.child.pid!,
        scene.startsMs.length,
      )
      const mib = (held.residentBytes / 2 ** 20).toFixed(0)
      say(
        `round ${round}: start ${scene.startsMs.at(-1)!.toFixed(0)} ms, ` +
          `${load.acknowledged} events, ${held.files} files, ${mib} MiB`,
      )
    }
    await assertDrains(scene)
    return { events: load.acknowledged, startsMs: scene.startsMs, faults: rounds }
  } finally {
    await scene.close()
  }
}

/** What was drained needs no replay, and is all there. */
async function assertDrains(scene: Scene): Promise<void> {
  await scene.load.settle()
  const { exitCode } = await scene.served.kill('SIGTERM')
  assert.equal(exitCode, 0)
  await scene.restart()
  const status = await (await fetch(`${await scene.url}/v1/status`)).json()
  assert.equal((status as { recovery: { batches: number } }).recovery.batches, 0)
  await scene.load.check(await scene.url)
}
