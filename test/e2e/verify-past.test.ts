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

test('what a gone past decides is not certified', async (t) => {
  const { clock, open } = await past(t)
  const again = await open({ retainBytesMax: 0, retainMsMax: 1 })
  clock.advance(2 * 86_400_000)
  await again.ingest('sales', [sale(300, clock.nowMs())])
  await again.checkpoint()
  clock.advance(2 * 3_600_000)
  const certificate = await again.verify()
  assert.ok(certificate.journal.from > 0)
  const from = '2026-03-03T12:05:00.000Z'
  assert.deepEqual(totals(certificate), [
    ['plain', 1, 0, 1, from],
    ['total', 0, 0, 1, from],
  ])
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
