/**
 * Faults of every kind, one after the other, over a live load, until time is up.
 *
 * Producers reach the daemon through a network that partitions, slows down, resets and swallows
 * answers; its disk is slow, full or broken; it is killed, and told to leave. After each fault all
 * is well again, and then everything that was sent must be acknowledged within a time, and counted
 * once.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { systemClock } from '../../src/base/clock.ts'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { Proxy } from '../helpers/proxy.ts'
import { assertBounded } from './bounds.ts'
import type { Outcome } from './outcome.ts'
import { Scene } from './scene.ts'
import { inject, type Injection } from './strace.ts'
import { endThread, mortal } from './threads.ts'

export interface FaultsOptions {
  readonly minutes: number
  readonly seed: number
  readonly producers: number
  readonly say?: (line: string) => void
}

/** How long a fault lasts, ms. */
const faultMsMax = 5000

/** How long a daemon is waited for that cannot write any more, ms. */
const endMsMax = 20_000

/** Within which all is acknowledged when a fault is over, ms: a client's longest backoff, twice. */
const healMsMax = 60_000

/** Bytes in a second of 1 Mbit/s. */
const slowBytes = 125_000

interface Stage {
  readonly scene: Scene
  readonly proxy: Proxy
}

type Fault = (stage: Stage) => Promise<void>

const faults: Readonly<Record<string, Fault>> = {
  kill: async ({ scene }) => {
    await scene.served.kill()
    await scene.restart()
  },
  leave: async ({ scene }) => {
    assert.equal((await scene.served.kill('SIGTERM')).exitCode, exitCodes.ok)
    await scene.restart()
  },
  partition: async ({ scene, proxy }) => {
    proxy.partition()
    await pass(scene.draw(faultMsMax))
  },
  'no answers': async ({ scene, proxy }) => {
    proxy.deafen()
    await pass(scene.draw(faultMsMax))
  },
  '1 Mbit/s': async ({ scene, proxy }) => {
    proxy.throttle(slowBytes)
    await pass(scene.draw(faultMsMax))
  },
  resets: async ({ scene, proxy }) => {
    for (let left = 1 + scene.draw(5); left > 0; left--) {
      await scene.load.acknowledgedMore(1 + scene.draw(500))
      proxy.reset()
    }
  },
  'cut frames': async ({ scene, proxy }) => {
    for (let left = 1 + scene.draw(5); left > 0; left--) {
      proxy.cutAfter(scene.draw(20_000))
      await scene.load.acknowledgedMore(1 + scene.draw(500))
    }
  },
  thread: async ({ scene }) => {
    await endThread(scene)
  },
  'slow disk': async ({ scene }) => {
    const delay = `delay_enter=${1000 * (1 + scene.draw(500))}`
    const injection = { call: 'fdatasync', when: '1+', fault: delay }
    const strace = await inject(injection, '/dev/null', scene.served.child.pid!)
    await pass(scene.draw(faultMsMax))
    // It lets go of the process, which goes on.
    strace.kill('SIGINT')
    await once(strace, 'exit')
  },
  'full disk': (stage) => brokenDisk(stage, 'error=ENOSPC'),
  'broken disk': (stage) => brokenDisk(stage, 'error=EIO'),
}

/**
 * A write fails, the daemon ends and says that it has failed; then the disk is well again. One call
 * does not end it in time: LMDB tells nobody that its second write of a meta page has failed, and
 * stands still with the next commit.
 */
async function brokenDisk({ scene }: Stage, fault: string): Promise<void> {
  const call = ['fdatasync', 'pwrite64'][scene.draw(2)]!
  const injection: Injection = { call, when: 1 + scene.draw(10), fault }
  await inject(injection, '/dev/null', scene.served.child.pid!)
  const ending = await Promise.race([scene.served.ended, pass(endMsMax).then(() => null)])
  if (ending === null) {
    assert.equal(call, 'pwrite64', 'a flush that fails is told')
    await scene.served.kill()
  } else assert.equal(ending.exitCode, exitCodes.internal, `${fault} at ${call} ${injection.when}`)
  await scene.restart()
}

export async function faultsRun(options: FaultsOptions): Promise<Outcome> {
  const { minutes, say = () => {} } = options
  const untilMs = systemClock.monotonicMs() + minutes * 60_000
  const proxy = await Proxy.open(0)
  const scene = await Scene.open({ ...options, ...mortal, through: proxy })
  const counts = new Map<string, number>()
  try {
    do {
      const names = Object.keys(faults)
      const name = names[scene.draw(names.length)]!
      say(`${name} …`)
      await scene.load.acknowledgedMore(1 + scene.draw(3000))
      const startedMs = systemClock.monotonicMs()
      await faults[name]!({ scene, proxy })
      const faultMs = systemClock.monotonicMs() - startedMs
      proxy.heal()
      const healMs = await healed(scene)
      await assertBounded(scene.dataDir, scene.served.child.pid!, scene.startsMs.length)
      counts.set(name, (counts.get(name) ?? 0) + 1)
      const { acknowledged } = scene.load
      const took = `${faultMs.toFixed(0)} ms, well after ${healMs.toFixed(0)} ms`
      say(`${name}: ${took}, ${acknowledged} events`)
    } while (systemClock.monotonicMs() < untilMs)
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0)
    const notes = [[...counts].map(([name, count]) => `${name} ${count}`).join(', ')]
    return { events: scene.load.acknowledged, startsMs: scene.startsMs, faults: all, notes }
  } finally {
    await scene.close()
    await proxy.close()
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

/** Lets time pass. */
async function pass(ms: number): Promise<void> {
  await once(AbortSignal.timeout(ms), 'abort')
}
