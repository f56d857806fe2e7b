/**
 * The crash systems, each for a moment; `npm run test:crash` runs them for as long as one likes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seedFor, skipWithout } from '../helpers/ci.ts'
import { controlRun, hasControl } from './control.ts'
import { faultsMissing, faultsRun } from './faults.ts'
import { killRun } from './kill.ts'
import { pastRun } from './past.ts'
import { losses, powerRun } from './power.ts'
import { hasStrace } from './strace.ts'
import { syscallRun } from './syscall.ts'
import { threadsRun } from './threads.ts'

const producers = 4

test('what is acknowledged is there once and in order after each kill', async (t) => {
  const seed = seedFor(t, 1)
  const outcome = await killRun({ rounds: 2, seed, producers, eventsMax: 2000, recoveries: 2 })
  assert.ok(outcome.events > 0)
})

test('what is acknowledged survives a kill at any system call', async (t) => {
  if (!hasStrace) return skipWithout(t, 'strace')
  const seed = seedFor(t, 2)
  await syscallRun({ rounds: 2, seed, producers, kind: 'kill', eventsMax: 2000 })
})

test('a failed write of a log ends the daemon, and takes nothing acknowledged', async (t) => {
  if (!hasStrace) return skipWithout(t, 'strace')
  const options = { seed: seedFor(t, 3), kind: 'error' as const, isOfLogs: true }
  const outcome = await syscallRun({ rounds: 2, producers, eventsMax: 20_000, ...options })
  assert.ok(outcome.faults > 0, 'the disk has failed')
})

test('a past and the offline log go on after a kill at any system call', async (t) => {
  if (!hasStrace) return skipWithout(t, 'strace')
  const outcome = await pastRun({ rounds: 1, seed: seedFor(t, 7), faultsMax: 3 })
  assert.ok(outcome.faults > 0, 'somebody has died')
})

test('threads that die at any moment come back, and each event counts once', async (t) => {
  await threadsRun({ rounds: 3, seed: seedFor(t, 6), producers, eventsMax: 2000 })
})

test('faults of every kind, of network, disk and clock too, take and count nothing', async (t) => {
  if (faultsMissing !== null) return skipWithout(t, faultsMissing)
  await faultsRun({ minutes: 0, seed: seedFor(t, 7), producers, faultMsMax: 1500 })
})

test('an acknowledgement comes after the flush, and survives a power loss', async (t) => {
  if (!hasStrace) return skipWithout(t, 'strace')
  const seed = seedFor(t, 4)
  await powerRun({ seed, producers, events: 2000, moments: 1, losses })
})

test('without flushes, a power loss is found to take what was acknowledged', async (t) => {
  if (!hasStrace) return skipWithout(t, 'strace')
  if (!hasControl) return skipWithout(t, 'libeatmydata')
  await controlRun({ seed: seedFor(t, 5), producers, events: 1000 })
})
