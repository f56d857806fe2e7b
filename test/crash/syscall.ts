/**
 * A system call that kills, or fails, the n-th of its kind: while the daemon starts, or under load.
 *
 * Whatever was under way at that call, the next start finds all that was acknowledged. An error of
 * the disk is not survived but told: the daemon ends with 70, soon, and acknowledges nothing more.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { Served, type Ending } from '../helpers/served.ts'
import { assertBounded } from './bounds.ts'
import { assertFailStop } from './fail-stop.ts'
import { quantile, type Outcome } from './outcome.ts'
import { Scene } from './scene.ts'
import { inject, injected, type Injection } from './strace.ts'

export interface SyscallOptions {
  readonly rounds: number
  readonly seed: number
  readonly producers: number
  /** What happens at the call. */
  readonly kind: 'kill' | 'error'
  /**
   * Faults of a live daemon that makes no checkpoints: what it writes are its logs.
   *
   * @defaultValue false: also of its start, and of its stores
   */
  readonly isOfLogs?: boolean
  /** Events acknowledged after which a call that has not come is not waited for. */
  readonly eventsMax: number
  readonly say?: (line: string) => void
}

type Moment = 'start' | 'live'

/** By call: up to which one of them a fault is drawn, as many as a thread comes to. */
const calls: Readonly<Record<Moment, Readonly<Record<string, number>>>> = {
  start: { fdatasync: 30, fsync: 12, pwrite64: 60, writev: 20, openat: 1000, unlink: 5, rename: 3 },
  live: { fdatasync: 20, pwrite64: 30, writev: 40 },
}

/**
 * Within which a daemon ends that cannot write any more, ms: at once, but for an error that LMDB
 * keeps to itself, of which a flush that hangs behind it tells after ten seconds.
 */
const endMsMax = 15_000

/** How long a daemon may neither end nor acknowledge what it is sent, ms. */
const stillMsMax = 60_000

/** A daemon that writes nothing but its logs. */
const logFlags = ['--checkpoint', '1h']

export async function syscallRun(options: SyscallOptions): Promise<Outcome> {
  const { rounds, kind, eventsMax, isOfLogs = false, say = () => {} } = options
  const scene = await Scene.open({ ...options, ...(isOfLogs && { flags: logFlags }) })
  const endsMs: number[] = []
  let faults = 0
  try {
    for (let round = 1; round <= rounds; round++) {
      const { moment, injection } = draw(scene, options)
      const { call, when, fault } = injection
      say(`${moment}, ${fault} at ${call} ${when} …`)
      const log = join(scene.dir, `strace-${round}`)
      const ending = await endingOf(scene, { moment, injection, log, eventsMax })
      if (ending !== null) {
        faults += 1
        const tookMs = await assertEnding({ ending, kind, moment, log })
        if (kind === 'error' && moment === 'live') endsMs.push(tookMs)
      }
      await scene.restart()
      await scene.load.check(await scene.url)
      await assertBounded(scene.dataDir, scene.served.child.pid!, scene.startsMs.length)
      const how = ending === null ? 'never came' : `ended with ${ending.exitCode ?? ending.signal}`
      say(`round ${round}: ${moment}, ${fault} at ${call} ${when}: ${how}`)
    }
    const notes =
      endsMs.length === 0 ? [] : [`the end came within ${quantile(endsMs, 1).toFixed(0)} ms`]
    return { events: scene.load.acknowledged, startsMs: scene.startsMs, faults, notes }
  } finally {
    await scene.close()
  }
}

function draw(scene: Scene, { kind, isOfLogs = false }: SyscallOptions) {
  const moment: Moment = !isOfLogs && scene.draw(2) === 0 ? 'start' : 'live'
  // Sockets are written by `writev`, too, and their errors are a peer's.
  const chosen = Object.entries(calls[moment]).filter(
    ([call]) => kind === 'kill' || call !== 'writev',
  )
  const [call, whenMax] = chosen[scene.draw(chosen.length)]!
  const error = scene.draw(2) === 0 ? 'error=EIO' : 'error=ENOSPC'
  const fault = kind === 'kill' ? 'signal=SIGKILL' : error
  const injection: Injection = { call, when: 1 + scene.draw(whenMax), fault }
  return { moment, injection }
}

/** How the daemon has ended by the fault; null when it has not, and was killed. */
async function endingOf(
  scene: Scene,
  {
    moment,
    injection,
    log,
    eventsMax,
  }: {
    readonly moment: Moment
    readonly injection: Injection
    readonly log: string
    readonly eventsMax: number
  },
): Promise<Ending | null> {
  if (moment === 'start') {
    await scene.served.kill()
    scene.served = new Served(scene.options(injected(injection, log)))
    await Promise.race([scene.url.catch(() => {}), scene.served.ended])
  } else await inject(injection, log, scene.served.child.pid!)
  const enough = scene.load.acknowledgedMore(eventsMax).then(() => null)
  const { call, when, fault } = injection
  const hangs = once(AbortSignal.timeout(stillMsMax), 'abort').then(() =>
    assert.fail(`the daemon neither goes on nor ends: ${moment}, ${fault} at ${call} ${when}`),
  )
  hangs.catch(() => {})
  const ending = await Promise.race([scene.served.ended, enough, hangs])
  await scene.served.kill()
  return ending
}

/** Returns how long it took from the fault to the end, ms. */
async function assertEnding(options: {
  readonly ending: Ending
  readonly kind: SyscallOptions['kind']
  readonly moment: Moment
  readonly log: string
}): Promise<number> {
  const { ending, kind, moment, log } = options
  const endedMs = systemClock.nowMs()
  if (kind === 'kill') {
    assert.equal(ending.signal, 'SIGKILL', JSON.stringify(ending))
    return 0
  }
  // A start that fails says what is in its way; what runs has failed by itself.
  if (moment === 'start') assert.notEqual(ending.exitCode, exitCodes.ok, JSON.stringify(ending))
  else assertFailStop(ending, log)
  const at = /(\d+\.\d+) .*\(INJECTED\)/.exec(await readFile(log, 'utf8'))?.[1]
  const tookMs = endedMs - Number(at) * 1000
  assert.ok(tookMs <= endMsMax, `the daemon ended ${tookMs} ms after the fault`)
  return tookMs
}
