/**
 * Faults of every kind, one after the other, over a live load, until time is up.
 *
 * Producers reach the daemon through a network that partitions, loses packets, slows down, resets,
 * cuts frames and swallows answers; its disk is slow, full or broken, its clock jumps; a thread of
 * it ends; it is killed, and told to leave. After each fault all is well again, and then everything
 * that was sent must be acknowledged within a time, and counted once.
 */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/base/clock.ts'
import { assertBounded } from './bounds.ts'
import { faults, pass } from './fault-kinds.ts'
import { BadMachine } from './machine/bad-machine.ts'
import type { Outcome } from './outcome.ts'
import { Scene } from './scene.ts'
import { hasStrace } from './strace.ts'
import { mortal } from './threads.ts'

export interface FaultsOptions {
  /** Each kind of fault happens once at least. */
  readonly minutes: number
  readonly seed: number
  readonly producers: number
  /** How long a fault lasts, at most, ms. */
  readonly faultMsMax: number
  /** The kind that happens. @defaultValue every kind */
  readonly only?: string
  readonly say?: (line: string) => void
}

/** Within which all is acknowledged when a fault is over, ms: a client's longest backoff, twice. */
const healMsMax = 60_000

/** What is not here, null when all faults can be made. */
export const faultsMissing = hasStrace ? BadMachine.missing : 'strace'

export async function faultsRun(options: FaultsOptions): Promise<Outcome> {
  const { minutes, faultMsMax, only, say = () => {} } = options
  const untilMs = systemClock.monotonicMs() + minutes * 60_000
  const scene = await Scene.open({ ...options, ...mortal, isOnBadMachine: true })
  const machine = scene.machine!
  const counts = new Map<string, number>()
  try {
    do {
      for (const name of only === undefined ? shuffled(Object.keys(faults), scene) : [only]) {
        say(`${name} …`)
        await scene.load.acknowledgedMore(1 + scene.draw(3000))
        const startedMs = systemClock.monotonicMs()
        await faults[name]!({ scene, machine, faultMsMax })
        const faultMs = systemClock.monotonicMs() - startedMs
        await machine.heal()
        const healMs = await healed(scene)
        await assertBounded(scene.dataDir, scene.served.child.pid!, scene.startsMs.length)
        counts.set(name, (counts.get(name) ?? 0) + 1)
        const { acknowledged } = scene.load
        const took = `${faultMs.toFixed(0)} ms, well after ${healMs.toFixed(0)} ms`
        say(`${name}: ${took}, ${acknowledged} events`)
      }
    } while (systemClock.monotonicMs() < untilMs)
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0)
    const notes = [[...counts].map(([name, count]) => `${name} ${count}`).join(', ')]
    return { events: scene.load.acknowledged, startsMs: scene.startsMs, faults: all, notes }
  } finally {
    await scene.close()
  }
}

/** Everything is acknowledged soon, and right; returns how long it took, ms. */
async function healed(scene: Scene): Promise<number> {
  const startedMs = systemClock.monotonicMs()
  await Promise.race([
    scene.load.check(await scene.url),
    pass(healMsMax).then(() => assert.fail(`not well within ${healMsMax} ms`)),
  ])
  return systemClock.monotonicMs() - startedMs
}

function shuffled(names: readonly string[], scene: Scene): readonly string[] {
  return names
    .map((name) => ({ name, order: scene.random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ name }) => name)
}
