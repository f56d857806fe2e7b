import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { MillraceError } from '../../src/base/errors.ts'
import { clockStepMsMax, flushSlowMs, laneBlockedMs, watchMs } from '../../src/base/limits.ts'
import { DiskGuard } from '../../src/intake/disk-guard.ts'
import { Health } from '../../src/daemon/health.ts'
import { Watchdog, watchedLane, watchedLog } from '../../src/daemon/watchdog.ts'
import { createPulse, Pulse } from '../../src/model/pulse.ts'

function setUp() {
  const clock = new ManualClock(0)
  const state = {
    writingAt: null as number | null,
    freeBytes: 1e12,
    skewMs: 0,
    warning: null as MillraceError | null,
    end: 0,
    isGone: false,
  }
  const pulse = new Pulse(createPulse())
  const told: string[] = []
  const failures: string[] = []
  const log = {
    info: (fields: object, message: string) => told.push(`${message}: ${JSON.stringify(fields)}`),
    error: (fields: object) => told.push(`error: ${JSON.stringify(fields)}`),
  }
  const lane = { lane: 0, pulse, isLive: true }
  const watched = [watchedLog('the journal', state), ...watchedLane(lane)]
  const health = new Health({
    watchdog: new Watchdog({ watched, clock, log, onFailure: (error) => assert.fail(error) }),
    disk: new DiskGuard(),
    inPlace: () => {
      const gone = new MillraceError('STORE_GONE', { file: 'journal' })
      return state.isGone ? Promise.reject(gone) : Promise.resolve()
    },
    onFailure: (error) => failures.push(error.code),
    space: () => {
      if (state.freeBytes === -1) return Promise.reject(new Error('ESTALE'))
      const { freeBytes } = state
      return Promise.resolve({ totalBytes: 2e12, freeBytes, freeFiles: 1e6 })
    },
    journal: () => ({ end: state.end, checkpointed: state.end }),
    clock: { skewMs: () => state.skewMs },
    offline: state,
    lanes: [lane],
    log,
  })
  const look = async (ms = watchMs, isAlive = true): Promise<string> => {
    for (let passed = 0; passed < ms; passed += watchMs) {
      if (isAlive) pulse.beat()
      clock.advance(watchMs)
      await health.look()
    }
    const { readiness } = health
    if (readiness.state !== 'ready') return readiness.state
    return ['ready', ...readiness.warnings.map(({ code }) => code)].join(' ')
  }
  return { health, state, told, failures, look }
}

test('readiness names the worst of what is wrong, and is well again by itself', async () => {
  const { health, state, look, told } = setUp()
  assert.equal(await look(), 'ready')
  state.skewMs = 5
  assert.equal(await look(), 'ready CLOCK_SKEWED')
  state.freeBytes = 1.5e9
  assert.equal(await look(), 'ready STORAGE_LOW CLOCK_SKEWED')
  state.freeBytes = 1e6
  assert.equal(await look(), 'storage-full')
  assert.equal(await look(laneBlockedMs + watchMs, false), 'blocked')
  state.writingAt = 7
  assert.equal(await look(flushSlowMs + watchMs), 'stalled')
  state.writingAt = null
  state.freeBytes = 1e12
  assert.equal(await look(), 'ready CLOCK_SKEWED')
  state.skewMs = -clockStepMsMax
  assert.equal(await look(), 'ready')
  state.skewMs = -clockStepMsMax - 1
  assert.equal(await look(), 'ready CLOCK_SKEWED')
  const code = '{"code":"STORAGE_FULL"}'
  const toldOfIt = told.filter((line) => line.includes(code))
  assert.deepEqual(toldOfIt, [`error: ${code}`, `no longer so: ${code}`])
  health.stop()
})

test('the journal may fill the disk between two looks', async () => {
  const { health, state, look } = setUp()
  await look()
  state.end = 2e12
  assert.equal(health.readiness.state, 'storage-full')
  assert.equal(await look(), 'ready')
  health.stop()
})

test('a disk that does not say how full it is, is as full as it was', async () => {
  const { health, state, look, told } = setUp()
  state.freeBytes = 1e6
  await look()
  state.freeBytes = -1
  assert.equal(await look(), 'storage-full')
  assert.ok(told.includes('error: {"reason":"ESTALE"}'))
  assert.deepEqual(health.status, {
    freeBytes: 1e6,
    freeFiles: 1e6,
    clockSkewMs: 0,
    blockedMsMax: 0,
  })
  health.stop()
})

test('a directory that is gone ends the daemon', async () => {
  const { health, state, look, failures } = setUp()
  await look()
  assert.deepEqual(failures, [])
  state.isGone = true
  await look()
  assert.equal(failures.join(), 'STORE_GONE')
  health.stop()
})
