/**
 * What can go wrong with a daemon, its disk, its clock and the network to it; each for a while.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { assertFailStop } from './fail-stop.ts'
import type { BadMachine } from './machine/bad-machine.ts'
import type { Scene } from './scene.ts'
import { inject, type Injection } from './strace.ts'
import { endThread } from './threads.ts'

/** Where a fault happens, and for how long at most, ms. */
export interface Stage {
  readonly scene: Scene
  readonly machine: BadMachine
  readonly faultMsMax: number
}

/** How long a daemon is waited for that cannot write any more, ms. */
const endMsMax = 20_000

/** Bytes in a second of 1 Mbit/s. */
const slowBytes = 125_000

/** What others leave of the disk: less than the daemon keeps for what it has taken. */
const leftBytes = 40 * 1024 * 1024

/** The machine is made good again by whoever calls. */
export const faults: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  kill: async ({ scene }) => {
    await scene.served.kill()
    await scene.restart()
  },
  leave: async ({ scene }) => {
    assert.equal((await scene.served.kill('SIGTERM')).exitCode, exitCodes.ok)
    await scene.restart()
  },
  thread: async ({ scene }) => {
    await endThread(scene)
  },

  partition: async (stage) => {
    await stage.machine.network.partition()
    await aWhile(stage)
  },
  'lost packets': async (stage) => {
    await stage.machine.network.lose(30)
    await aWhile(stage)
  },
  '1 Mbit/s': async (stage) => {
    await stage.machine.network.throttle('1mbit')
    await aWhile(stage)
  },
  resets: async (stage) => {
    await stage.machine.network.reset()
    await aWhile(stage)
  },
  'slow client': async (stage) => {
    stage.machine.proxy.throttle(slowBytes)
    await aWhile(stage)
  },
  'no answers': async (stage) => {
    stage.machine.proxy.deafen()
    await aWhile(stage)
  },
  'cut frames': async ({ scene, machine }) => {
    for (let left = 1 + scene.draw(5); left > 0; left--) {
      machine.proxy.cutAfter(scene.draw(20_000))
      await scene.load.acknowledgedMore(1 + scene.draw(500))
    }
  },

  'slow disk': async (stage) => {
    const { scene } = stage
    const delay = `delay_enter=${1000 * (1 + scene.draw(500))}`
    const injection = { call: 'fdatasync', when: '1+', fault: delay }
    const strace = await inject(injection, '/dev/null', scene.served.child.pid!)
    await aWhile(stage)
    // It lets go of the process, which goes on.
    strace.kill('SIGINT')
    await once(strace, 'exit')
  },
  'disk filled': async (stage) => {
    await stage.machine.disk.fill(leftBytes)
    while ((await readiness(stage)) !== 'storage-full');
    await aWhile(stage)
    await stage.machine.heal()
    while ((await readiness(stage)) !== 'ready');
  },
  'disk without room': (stage) => brokenDisk(stage, 'error=ENOSPC'),
  'broken disk': (stage) => brokenDisk(stage, 'error=EIO'),

  'clock ahead': async (stage) => {
    await stage.machine.clock.jump('+10d')
    await aWhile(stage)
  },
  'clock behind': async (stage) => {
    await stage.machine.clock.jump('-1h')
    await aWhile(stage)
  },
  'clock to and fro': async (stage) => {
    for (const offset of ['+1', '-1', '+1', '-1']) {
      await stage.machine.clock.jump(offset)
      await aWhile(stage, 4)
    }
  },
  'start with the clock behind': async (stage) => {
    await stage.machine.clock.jump('-1h')
    await stage.scene.served.kill()
    await stage.scene.restart()
    await aWhile(stage)
  },
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
  } else assertFailStop(ending, `${fault} at ${call} ${injection.when}`)
  await scene.restart()
}

async function readiness({ scene }: Stage): Promise<string> {
  const response = await fetch(`${await scene.url}/readyz`)
  return ((await response.json()) as { status: string }).status
}

/** @param parts  Of which this is one. */
function aWhile({ scene, faultMsMax }: Stage, parts = 1): Promise<void> {
  return pass(Math.ceil(scene.draw(faultMsMax) / parts))
}

/** Lets time pass. */
export async function pass(ms: number): Promise<void> {
  await once(AbortSignal.timeout(ms), 'abort')
}
