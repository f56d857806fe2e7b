import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Clock } from '../../src/base/clock.ts'
import { GuardedClock } from '../../src/base/guarded-clock.ts'
import { clockConfirmMs, clockGapMsMax, clockStepMsMax } from '../../src/base/limits.ts'

const startMs = 1_700_000_000_000
const hourMs = 3_600_000
const dayMs = 86_400_000

/** A machine whose wall clock is set apart from the time that passes. */
class Machine implements Clock {
  #awakeMs = 5000.25
  #asleepMs = 777
  /** How wrong its wall clock is. */
  wrongMs = 0

  nowMs(): number {
    return Math.floor(startMs + this.#awakeMs + this.#asleepMs + this.wrongMs)
  }

  monotonicMs(): number {
    return this.#awakeMs
  }

  uptimeMs(): number {
    return this.#awakeMs + this.#asleepMs
  }

  pass(ms: number): void {
    this.#awakeMs += ms
  }

  sleep(ms: number): void {
    this.#asleepMs += ms
  }
}

/** Lets time pass, and has the clock read every second of it. */
function watch(machine: Machine, clock: GuardedClock, ms: number): void {
  for (let left = ms; left > 0; left -= 1000) {
    machine.pass(1000)
    clock.nowMs()
  }
}

test('a clock that was ahead for a moment leaves no trace when it is put right', () => {
  const machine = new Machine()
  const clock = new GuardedClock(machine)
  machine.wrongMs = 10 * dayMs
  watch(machine, clock, 5 * 60_000)
  const aheadMs = clock.nowMs() - (machine.nowMs() - machine.wrongMs)
  assert.equal(aheadMs, clockStepMsMax)
  assert.equal(clock.skewMs(), 10 * dayMs - clockStepMsMax)
  machine.wrongMs = 0
  watch(machine, clock, clockStepMsMax)
  assert.equal(clock.nowMs(), machine.nowMs())
  assert.equal(clock.skewMs(), 0)
})

test('a clock that stays ahead is believed after a while, and one that flickers is not', () => {
  const machine = new Machine()
  const clock = new GuardedClock(machine)
  machine.wrongMs = hourMs
  watch(machine, clock, 2 * clockConfirmMs)
  assert.equal(clock.nowMs(), machine.nowMs())
  for (let n = 0; n < 100; n++) {
    machine.wrongMs = hourMs + (n % 2) * dayMs
    watch(machine, clock, clockConfirmMs / 4)
    assert.ok(clock.nowMs() <= machine.nowMs() - machine.wrongMs + hourMs + clockStepMsMax)
  }
})

test('a machine that has slept is followed at once', () => {
  const machine = new Machine()
  const clock = new GuardedClock(machine)
  machine.pass(1000)
  machine.sleep(3 * dayMs)
  assert.equal(clock.nowMs(), machine.nowMs())
})

test('time stands still while the clock is set back, and goes on where it was', () => {
  const machine = new Machine()
  const clock = new GuardedClock(machine)
  machine.pass(1000)
  const lastMs = clock.nowMs()
  machine.wrongMs = -hourMs
  watch(machine, clock, 3 * clockConfirmMs)
  assert.equal(clock.nowMs(), lastMs)
  assert.ok(clock.skewMs() < -hourMs / 3)
  machine.wrongMs = 0
  assert.equal(clock.nowMs(), machine.nowMs())
})

test('after a start, nothing is behind the last event, and its age alone deletes nothing', () => {
  const machine = new Machine()
  const lastMs = machine.nowMs() - 30 * dayMs
  const clock = new GuardedClock(machine)
  clock.resume(lastMs)
  assert.equal(clock.nowMs(), machine.nowMs())
  assert.ok(clock.certain.nowMs() <= lastMs + clockStepMsMax)
  watch(machine, clock, clockConfirmMs)
  assert.equal(clock.certain.nowMs(), machine.nowMs())

  for (const [newestMs, certainMs] of [
    [-Infinity, machine.nowMs()],
    [machine.nowMs() - clockGapMsMax, machine.nowMs()],
    [machine.nowMs() + hourMs, machine.nowMs() + clockStepMsMax],
  ] as const) {
    const resumed = new GuardedClock(machine)
    resumed.resume(newestMs)
    assert.equal(resumed.nowMs(), Math.max(machine.nowMs(), newestMs))
    assert.equal(resumed.certain.nowMs(), certainMs)
  }
})

type Step = { readonly kind: 'pass' | 'sleep' | 'set'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 4 * 60_000 }) }),
  fc.record({ kind: fc.constant('sleep' as const), ms: fc.integer({ min: 0, max: dayMs }) }),
  fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: -dayMs, max: dayMs }) }),
)

test('time never decreases, and is never further ahead than the clock has been for a while', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const machine = new Machine()
      const clock = new GuardedClock(machine)
      const offset = (): number => machine.nowMs() - machine.uptimeMs()
      /** What the clock said, and when: every reading of it. */
      const said = [{ atMs: machine.uptimeMs(), offsetMs: offset() }]
      let lastMs = clock.nowMs()
      for (const { kind, ms } of steps) {
        if (kind === 'set') machine.wrongMs = ms
        else machine[kind](ms)
        said.push({ atMs: machine.uptimeMs(), offsetMs: offset() })
        const nowMs = clock.nowMs()
        assert.ok(nowMs >= lastMs)
        assert.ok(Number.isInteger(nowMs))
        assert.ok(clock.certain.nowMs() <= nowMs)
        if (nowMs > lastMs) assert.ok(nowMs <= machine.uptimeMs() + furthest(said) + clockStepMsMax)
        lastMs = nowMs
      }
    }),
    { seed: 1, numRuns: 500 },
  )
})

/** The furthest that the clock was ahead, or the first reading, without a break for so long. */
function furthest(said: readonly { atMs: number; offsetMs: number }[]): number {
  let most = said[0]!.offsetMs
  for (const [first, { atMs }] of said.entries()) {
    let least = Infinity
    for (const other of said.slice(first)) {
      least = Math.min(least, other.offsetMs)
      if (other.atMs - atMs >= clockConfirmMs) most = Math.max(most, least)
    }
  }
  return most
}
