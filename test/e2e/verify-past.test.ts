/**
 * Verification of what did not come by the stream, or does not count: rows of batch sources, and
 * events in quarantine.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import type { MillraceOptions } from '../../src/daemon/options.ts'
import type { Certificate } from '../../src/model/certificate.ts'
import { cartsFile, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { root } from '../helpers/repository.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const features = join(root, 'test/fixtures/impure-past.ts')

const sale = (cents: number, at = noonMs - 1000) => ({ user: 'a', at, cents })

/** Values that are equal, different and uncertified, and from when on all events are there. */
const totals = ({ views }: Certificate) =>
  views.map(({ view, equal, different, uncertified, completeFrom }) => {
    return [view, equal, different, uncertified, completeFrom]
  })

async function backfill(daemon: Millrace): Promise<void> {
  await daemon.http.inject({ method: 'POST', url: '/v1/backfill', payload: {} })
  for (;;) {
    const response = await fetch(`${daemon.url}/v1/backfill`)
    const { backfills } = (await response.json()) as { backfills: { state: string }[] }
    if (backfills.every(({ state }) => state === 'complete')) return
    assert.ok(backfills.every(({ state }) => state === 'running' || state === 'complete'))
  }
}

/** A daemon that has counted the past and one event, and is closed; how to start it again. */
async function past(t: TestContext) {
  const clock = new ManualClock(noonMs)
  const dataDir = await temporaryDir(t)
  const open = (more: Partial<MillraceOptions> = {}): Promise<Millrace> =>
    startDaemon(t, { clock, dataDir, features, ...more })
  const first = await open()
  await first.ingest('sales', [sale(900)])
  const waiting = await first.verify()
  assert.deepEqual(waiting.views, [], 'what waits for its past is left out')
  await backfill(first)
  const whole = await first.verify()
  assert.deepEqual(totals(whole), [
    ['plain', 2, 0, 0, null],
    ['total', 1, 0, 0, null],
  ])
  await first.checkpoint()
  await first.close()
  return { clock, open }
}

test('rows of a batch source are counted again, and explained by their file', async (t) => {
  const { open } = await past(t)
  // Its transform counts from 1 again.
  const again = await open()
  await again.ingest('sales', [sale(1100), sale(0)])
  const { difference, ...certificate } = await again.verify()
  assert.deepEqual(totals({ difference, ...certificate }), [
    ['plain', 2, 0, 0, null],
    ['total', 0, 1, 0, null],
  ])
  assert.deepEqual(difference!.served, { state: 'present', value: '7' })
  const file = join(root, 'test/fixtures/impure-past.csv')
  assert.deepEqual(
    difference!.events.map(({ origin, value, verdict }) => [origin, value, verdict]),
    [
      [null, '9', 'counted'],
      [`${file}, row 1`, '5', 'counted'],
      [`${file}, row 3`, '0', 'left-out'],
      [`${file}, row 4`, '7', 'counted'],
      [null, '11', 'counted'],
      [null, '0', 'left-out'],
    ],
  )
  const afters = difference!.events.map(({ after }) => Number(after.value))
  const changed = afters.map((after, n) => n === 0 || after !== afters[n - 1])
  assert.deepEqual(changed, [true, true, false, true, true, false], 'told after each event')
  assert.equal(difference!.counted.value, difference!.events.at(-1)!.after.value)
})

test('where the journal begins late, the offline log has the stream, not the past', async (t) => {
  const { clock, open } = await past(t)
  const again = await open({ retainBytesMax: 0, retainMsMax: 1 })
  clock.advance(dayMs)
  await again.ingest('sales', [sale(500, clock.nowMs())])
  await again.writeOffline()
  clock.advance(dayMs)
  await again.checkpoint()
  await again.ingest('sales', [sale(300, clock.nowMs())])
  const certificate = await again.verify()
  assert.ok(certificate.journal.from > 0)
  assert.deepEqual([certificate.events, certificate.loggedEvents], [3, 1])
  const boundary = '2026-03-01T00:00:00.000Z'
  assert.deepEqual(totals(certificate), [
    ['plain', 1, 0, 1, boundary],
    ['total', 0, 0, 1, boundary],
  ])
  // From now on every window begins behind the boundary.
  clock.advance(5 * dayMs + 11 * hourMs)
  const { difference, ...later } = await again.verify()
  assert.deepEqual(totals({ difference, ...later }), [
    ['plain', 2, 0, 0, boundary],
    ['total', 0, 1, 0, boundary],
  ])
  assert.equal(difference!.served.value, '3')
  assert.deepEqual(
    difference!.events.map(({ sequence, value, verdict, time }) => [
      sequence,
      value,
      verdict,
      time!.slice(0, 10),
    ]),
    [
      [0, '9', 'counted', '2026-03-01'],
      [0, '5', 'counted', '2026-03-02'],
      [1, '3', 'counted', '2026-03-03'],
    ],
  )
  assert.match(difference!.events[0]!.producer, /^embedded-/)
})

test('an event in quarantine is skipped, and explained as one', async (t) => {
  const at = noonMs
  const dataDir = await temporaryDir(t)
  const daemon = await startDaemon(t, { features: cartsFile, dataDir, clock: new ManualClock(at) })
  const command = (text: string) => ({ cart: 'c0', at, command: text, filler: '' })
  const { rejected } = await daemon.ingest('commands', [command('count'), command('exit')])
  assert.deepEqual(
    rejected.map(({ code }) => code),
    ['EVENT_POISON'],
  )
  const certificate = await daemon.verify()
  assert.ok(certificate.isEqual)
  const { keys, equal } = certificate.views.find(({ view }) => view === 'command_counts')!
  assert.deepEqual([keys, equal], [1, 1])
})
