import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closedLoop, openLoop } from '../../src/load/schedule.ts'

test('a closed loop gives a frame whenever it is asked, until the last', () => {
  const schedule = closedLoop(3)
  schedule.start(100)
  assert.deepEqual([schedule.take(0, 100), schedule.take(1, 100)], [0, 1])
  assert.equal(schedule.dueMs(1, 107), 107)
  assert.ok(!schedule.isOver(0))
  assert.equal(schedule.take(0, 110), 2)
  assert.equal(schedule.take(1, 110), -1)
  assert.ok(schedule.isOver(0) && schedule.isOver(1))
})

test('the end of a closed loop is at once', () => {
  const schedule = closedLoop(Infinity)
  schedule.start(0)
  schedule.take(0, 0)
  schedule.end(5)
  assert.equal(schedule.take(0, 4), -1)
  assert.ok(schedule.isOver(0))
})

test('in an open loop frames are due by the rate alone, one connection after another', () => {
  const schedule = openLoop({ connections: 2, intervalMs: 10, framesMax: Infinity })
  schedule.start(1000)
  assert.equal(schedule.take(0, 1000), 0)
  assert.equal(schedule.take(1, 1009.9), -1)
  assert.equal(schedule.take(1, 1010), 1)
  assert.equal(schedule.take(0, 1019), -1)
  // The other connection does not wait for this one.
  assert.deepEqual([schedule.take(1, 1055), schedule.take(1, 1055)], [3, 5])
  assert.equal(schedule.take(1, 1055), -1)
  assert.deepEqual(
    [2, 4].map((frame) => schedule.dueMs(frame, 1055)),
    [1020, 1040],
  )
  assert.equal(schedule.backlog(1055), 2)
  assert.deepEqual([schedule.take(0, 1055), schedule.take(0, 1055)], [2, 4])
  assert.equal(schedule.backlog(1055), 0)
})

test('what was due before the end of an open loop is still sent after it', () => {
  const schedule = openLoop({ connections: 1, intervalMs: 10, framesMax: Infinity })
  schedule.start(0)
  schedule.take(0, 0)
  schedule.end(30)
  assert.ok(!schedule.isOver(0))
  const overdue: number[] = []
  schedule.overdue(500, (dueMs) => overdue.push(dueMs))
  assert.deepEqual(overdue, [10, 20])
  assert.deepEqual(
    [1, 2, -1],
    [schedule.take(0, 500), schedule.take(0, 500), schedule.take(0, 500)],
  )
  assert.ok(schedule.isOver(0))
})

test('an open loop of so many frames ends with the last', () => {
  const schedule = openLoop({ connections: 2, intervalMs: 1, framesMax: 3 })
  schedule.start(0)
  assert.equal(schedule.backlog(100), 3)
  assert.deepEqual(
    [0, 2, -1],
    [schedule.take(0, 100), schedule.take(0, 100), schedule.take(0, 100)],
  )
  assert.ok(schedule.isOver(0) && !schedule.isOver(1))
  assert.equal(schedule.take(1, 100), 1)
  assert.ok(schedule.isOver(1))
})
