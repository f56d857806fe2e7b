import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import type { MillraceError } from '../../src/base/errors.ts'
import {
  flushMsMax,
  flushSlowMs,
  laneBlockedMs,
  mainBlockedMs,
  storeMsMax,
  watchMs,
} from '../../src/base/limits.ts'
import { Watchdog, watchedLane, watchedLog } from '../../src/daemon/watchdog.ts'
import { createPulse, Pulse } from '../../src/model/pulse.ts'

function setUp() {
  const clock = new ManualClock(1000)
  const log = { writingAt: null as number | null }
  const pulse = new Pulse(createPulse())
  const failures: MillraceError[] = []
  const told: string[] = []
  const tell = (_: object, message: string): void => void told.push(message)
  const watchdog = new Watchdog({
    watched: [watchedLog('the journal', log), ...watchedLane({ lane: 3, pulse, isLive: true })],
    clock,
    log: { info: tell, error: tell },
    onFailure: (error) => failures.push(error),
  })
  /** Looks once a period for so long, before which `each` happens. */
  const pass = (ms: number, each: () => void = () => pulse.beat()): void => {
    for (let passed = 0; passed < ms; passed += watchMs) {
      each()
      clock.advance(watchMs)
      watchdog.look()
    }
  }
  const trouble = (): string | null => watchdog.trouble?.code ?? null
  return { clock, log, pulse, failures, told, watchdog, trouble, pass }
}

test('a flush that takes long is told, and one that does not end is a failure', () => {
  const { log, failures, told, trouble, pass } = setUp()
  log.writingAt = 4096
  pass(flushSlowMs)
  assert.equal(trouble(), null)
  pass(watchMs)
  assert.equal(trouble(), 'STALLED')
  assert.deepEqual(told, [`the journal has not moved for ${flushSlowMs} ms`])
  log.writingAt = 8192
  pass(watchMs)
  assert.equal(trouble(), null)
  assert.deepEqual(told.slice(1), ['moves again'])
  pass(flushMsMax - watchMs)
  assert.equal(failures.length, 0)
  pass(watchMs)
  assert.deepEqual(
    failures.map(({ message }) => message),
    [`the journal has not moved for ${flushMsMax} ms`],
  )
})

test('a log with nothing to write, or that moves every time, is well', () => {
  const { log, failures, trouble, pass } = setUp()
  pass(10 * flushMsMax)
  let flushed = 0
  pass(10 * flushMsMax, () => (log.writingAt = flushed++))
  assert.equal(failures.length, 0)
  assert.equal(trouble(), 'SHARD_BLOCKED')
})

test('a shard thread that does nothing is told, and ends nothing', () => {
  const { pulse, failures, told, trouble, pass } = setUp()
  pass(1000 * watchMs)
  assert.equal(trouble(), null)
  pass(laneBlockedMs + watchMs, () => {})
  assert.equal(trouble(), 'SHARD_BLOCKED')
  assert.match(told[0]!, /shard thread 3/)
  pulse.beat()
  pass(watchMs)
  assert.equal(trouble(), null)
  pass(100 * storeMsMax, () => {})
  assert.equal(failures.length, 0)
})

test('a checkpoint that does not end is a failure; many that do are none', () => {
  const { pulse, failures, pass } = setUp()
  pass(2 * storeMsMax, () => {
    pulse.beat()
    pulse.endStoring()
    pulse.beginStoring()
  })
  assert.equal(failures.length, 0)
  pass(storeMsMax)
  assert.equal(failures[0]!.code, 'STALLED')
  assert.match(failures[0]!.message, /checkpoint of shard thread 3/)
})

test('what this thread has slept through is told, and is nobody else’s fault', () => {
  const { clock, log, told, failures, watchdog, trouble, pass } = setUp()
  log.writingAt = 0
  pass(watchMs)
  clock.advance(10 * flushMsMax)
  watchdog.look()
  assert.equal(failures.length, 0)
  assert.equal(trouble(), null)
  assert.deepEqual(told, ['the main thread was blocked'])
  assert.equal(watchdog.blockedMsMax, 10 * flushMsMax - watchMs)
  clock.advance(watchMs + mainBlockedMs)
  watchdog.look()
  assert.equal(told.filter((each) => each.includes('blocked')).length, 1)
})
