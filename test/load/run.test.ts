import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { figuresOf } from '../../src/load/outcome.ts'
import { DrivenLoad } from '../helpers/driven-load.ts'

test('in an open loop a server that stands still delays all that is due meanwhile', async () => {
  const run = new DrivenLoad({ loop: { kind: 'open', rate: 1000 } }, 10)
  run.welcome()
  run.pass(500)
  run.isStalled = true
  run.pass(100)
  assert.equal(run.taken, 511, 'no more than the credit is sent')
  run.isStalled = false
  run.pass(500)
  const { sent, acked, unsent, measured } = await run.outcome()
  assert.deepEqual({ sent, acked, unsent }, { sent: 1000, acked: 1000, unsent: 0 })
  const { latencyUs, lateFrames } = measured
  assert.equal(latencyUs.count, 1000)
  const ms = (percent: number) => latencyUs.percentile(percent) / 1000
  assert.ok(ms(50) <= 1.01, String(ms(50)))
  // A tenth of the frames was due while it stood still, and waited for half of that on average.
  assert.ok(ms(95) > 40 && ms(95) < 70, String(ms(95)))
  assert.ok(ms(100) > 99 && ms(100) < 105, String(ms(100)))
  assert.equal(lateFrames, 0, 'that was not the fault of the generator')
})

test('in a closed loop it is a latency of those in flight only', async () => {
  const run = new DrivenLoad({ loop: { kind: 'closed', inFlight: 10 } })
  run.welcome()
  run.pass(500)
  run.isStalled = true
  run.pass(100)
  run.isStalled = false
  run.pass(500)
  const { latencyUs } = (await run.outcome()).measured
  assert.ok(latencyUs.count > 1000)
  assert.ok(latencyUs.percentile(99) <= 1010)
  assert.ok(latencyUs.max > 99_000)
})

test('frames that the generator sends late are told, and waited since they were due', async () => {
  const run = new DrivenLoad({ loop: { kind: 'open', rate: 1000 } })
  run.welcome()
  run.pass(100)
  // The event loop hangs.
  run.clock.advance(50)
  run.pass(900)
  const { measured } = await run.outcome()
  assert.ok(measured.lateFrames >= 40 && measured.lateFrames <= 50, String(measured.lateFrames))
  assert.ok(measured.latencyUs.max >= 49_000)
  assert.ok(figuresOf(measured).generator.isBottleneck)
})

test('what is due and cannot be sent in time after the end is told, and has waited', async () => {
  const run = new DrivenLoad({ loop: { kind: 'open', rate: 1000 } }, 10)
  run.welcome()
  run.isStalled = true
  run.pass(1000)
  assert.equal(run.taken, 10)
  run.pass(10_000)
  run.isStalled = false
  run.pass(1)
  const { sent, unsent, measured } = await run.outcome()
  assert.deepEqual({ sent, unsent }, { sent: 10, unsent: 990 })
  assert.equal(measured.latencyUs.count, 1000)
  assert.ok(measured.latencyUs.percentile(1) > 9_900_000)
})

test('only frames of the measured time have a latency, whenever their ACK comes', async () => {
  const run = new DrivenLoad({ loop: { kind: 'open', rate: 100 }, warmupMs: 200, durationMs: 300 })
  run.welcome()
  run.isStalled = true
  run.pass(200)
  run.isStalled = false
  run.pass(285)
  run.isStalled = true
  run.pass(60)
  run.isStalled = false
  run.pass(1)
  const { sent, measured } = await run.outcome()
  assert.equal(sent, 51, 'one is due at the very end')
  assert.equal(measured.ms, 300)
  assert.equal(measured.latencyUs.count, 30)
  assert.ok(measured.latencyUs.max >= 55_000 && measured.latencyUs.max <= 57_000)
})

test('so many events are sent, and the first quarter is not measured', async () => {
  const run = new DrivenLoad({ loop: { kind: 'closed', inFlight: 8 }, connections: 4, events: 400 })
  run.welcome()
  run.pass(250)
  const { sent, acked, measured } = await run.outcome()
  assert.deepEqual([sent, acked], [400, 400])
  assert.equal(measured.events, 300)
  assert.ok(run.peers.every(({ isOpen }) => !isOpen))
  assert.equal(run.scheduler.pending, 0)
})

test('a closed loop keeps so many events in flight, and no more than the credit', () => {
  for (const [inFlight, credit, expected] of [
    [10, 100, 10],
    [100, 30, 30],
    [0, 30, 1],
  ] as const) {
    const run = new DrivenLoad({ loop: { kind: 'closed', inFlight } }, credit)
    run.welcome()
    run.pass(0)
    assert.equal(run.taken, expected)
  }
})

test('frames are sent twice, and a rejection that is told twice is one', async () => {
  const run = new DrivenLoad({
    loop: { kind: 'closed', inFlight: 20 },
    duplicates: 0.2,
    events: 1000,
  })
  run.rejects = true
  run.welcome()
  run.pass(500)
  const { sent, repeated, duplicates, rejected, rejections } = await run.outcome()
  assert.equal(sent, 1000)
  assert.ok(repeated > 150 && repeated < 250, String(repeated))
  assert.equal(duplicates, repeated)
  assert.equal(run.taken, sent + repeated)
  assert.equal(rejected, 100)
  assert.deepEqual([...rejections], [['EVENT_TIME', 100]])
})

test('a stop ends the measured time, and what was sent is answered', async () => {
  const run = new DrivenLoad({ loop: { kind: 'open', rate: 1000 }, durationMs: 60_000 })
  run.welcome()
  run.pass(250)
  run.load.stop()
  run.pass(2)
  const { sent, acked, measured } = await run.outcome()
  assert.deepEqual([sent, acked, measured.ms], [251, 251, 250])
})

test('progress is told every second', () => {
  const run = new DrivenLoad({
    loop: { kind: 'open', rate: 1000 },
    warmupMs: 1500,
    durationMs: 3000,
  })
  run.welcome()
  run.pass(3001)
  const told = run.progress.map(({ phase, spanMs, rejected, overdue }) => {
    return { phase, spanMs, rejected, overdue }
  })
  const same = { spanMs: 1000, rejected: 0, overdue: 0 }
  assert.deepEqual(
    told,
    ['warmup', 'measured', 'measured'].map((phase) => ({ phase, ...same })),
  )
  assert.ok(run.progress.every(({ events }) => Math.abs(events - 1000) <= 1))
})

test('a connection that fails fails the load; so does a server that never answers', async () => {
  const refused = new MillraceError('CLIENT_REFUSED', { reason: 'closed: 4409' })
  const failing = new DrivenLoad({ loop: { kind: 'closed', inFlight: 1 }, connections: 2 })
  failing.welcome()
  failing.peers[1]!.listener.failed(refused)
  assert.equal(await failing.failure(), refused)
  assert.ok(failing.peers.every(({ isOpen }) => !isOpen))
  for (const isWelcomed of [true, false]) {
    const silent = new DrivenLoad({ loop: { kind: 'closed', inFlight: 1 }, durationMs: 100_000 })
    if (isWelcomed) silent.welcome()
    silent.isStalled = true
    silent.pass(32_000)
    assert.equal((await silent.failure()).code, 'CLIENT_TIMEOUT')
  }
})

test('a server that refuses a batch or is going away ends the load', async () => {
  for (const frame of [
    { kind: 'goaway', reason: 'shutting down', deadlineMs: 1 },
    { kind: 'nack', sequence: 0, code: 'X', message: 'gap', expected: 0, retryAfterMs: null },
  ] as const) {
    const run = new DrivenLoad({ loop: { kind: 'closed', inFlight: 1 } })
    run.welcome()
    run.peers[0]!.listener.received(frame)
    assert.equal((await run.failure()).code, 'CLIENT_REFUSED')
  }
})
