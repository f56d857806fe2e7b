/**
 * Shard threads that end at any moment, by leaving or for want of memory, in a daemon that
 * checkpoints all the time: it goes on, and what was sent counts once.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { laneDeathsMax } from '../../src/base/limits.ts'
import { root } from '../helpers/repository.ts'
import { assertBounded } from './bounds.ts'
import type { Outcome } from './outcome.ts'
import { Scene } from './scene.ts'

export interface ThreadsOptions {
  readonly rounds: number
  readonly seed: number
  readonly producers: number
  /** Events acknowledged between two deaths, at most. */
  readonly eventsMax: number
  readonly say?: (line: string) => void
}

const ways = ['exit', 'memory'] as const

/** Memory of a thread for objects, so that one that takes all of it has soon done so, MiB. */
const heapMib = 192

/** How a daemon is started whose threads can be ended. */
export const mortal = {
  features: join(root, 'test/fixtures/mortal-sales.ts'),
  wrapAll: ['env', `NODE_OPTIONS=--max-old-space-size=${heapMib}`],
} as const

/** Rounds before the daemon is started anew, so that no thread has died too often. */
const roundsMax = laneDeathsMax / 2

interface Counters {
  readonly deaths: number
  readonly rebuilt: number
}

export async function threadsRun(options: ThreadsOptions): Promise<Outcome> {
  const { rounds, eventsMax, say = () => {} } = options
  const scene = await Scene.open({ ...options, ...mortal })
  try {
    const { load } = scene
    for (let round = 1; round <= rounds; round++) {
      await load.acknowledgedMore(1 + scene.draw(eventsMax))
      const way = await endThread(scene)
      await load.check(await scene.url)
      await assertBounded(scene.dataDir, scene.served.child.pid!, scene.startsMs.length)
      say(`round ${round}: ${way}, ${load.acknowledged} events`)
      if (round % roundsMax === 0) await leave(scene)
    }
    await leave(scene)
    await load.check(await scene.url)
    return { events: load.acknowledged, startsMs: scene.startsMs, faults: rounds }
  } finally {
    await scene.close()
  }
}

/**
 * Ends one of the daemon's threads under load, and now and then the one that takes its place;
 * resolves when all of them serve again.
 */
export async function endThread(scene: Scene): Promise<string> {
  const way = ways[scene.draw(ways.length)]!
  const isTwice = scene.draw(3) === 0
  const before = await countersOf(scene)
  if (isTwice) await writeFile(join(scene.dir, 'early'), '')
  await writeFile(join(scene.dir, way), '')
  for (;;) {
    const { deaths, rebuilt } = await countersOf(scene)
    const isDead = deaths - before.deaths === (isTwice ? 2 : 1)
    if (isDead && rebuilt > before.rebuilt) return isTwice ? `${way}, twice` : way
    await turn()
  }
}

/** The daemon is told to leave, whatever its threads do, and leaves in order. */
async function leave(scene: Scene): Promise<void> {
  const { exitCode, said } = await scene.served.kill('SIGTERM')
  assert.equal(exitCode, 0, said)
  await scene.restart()
}

async function countersOf(scene: Scene): Promise<Counters> {
  const status = await (await fetch(`${await scene.url}/v1/status`)).json()
  return (status as { threads: Counters }).threads
}
