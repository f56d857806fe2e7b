/**
 * Sources that take events of another shape than their schema, through a daemon and its next start.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import type { EventOf } from '../../src/index.ts'
import {
  largePayments,
  logins,
  payments,
  shopPayments,
  userPayments,
} from '../fixtures/payments.ts'
import { connect, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { root } from '../helpers/repository.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)
const paymentsFile = join(root, 'test/fixtures/payments.ts')

function payment(user_id: number, amount: string, shop = 's1'): EventOf<typeof payments> {
  return { user_id, shop, seconds: noonMs / 1000 - user_id, amount }
}

/** All that the views say of what is published below. */
async function answers(daemon: Millrace): Promise<unknown[]> {
  const users = [1, 2, 3, 666, 0].map((user_id) => ({ user_id }))
  return [
    ...(await daemon.get(userPayments, users)).map(({ values }) => values),
    (await daemon.get(largePayments, { user_id: 1 })).values,
    ...(await daemon.get(shopPayments, [{ shop: 's1' }, { shop: 's2' }])).map(
      ({ values }) => values,
    ),
  ]
}

const none = { payments_1h: null, cents_1h: null, last_at: null }
const expected = [
  { payments_1h: 2n, cents_1h: 15_050n, last_at: BigInt(noonMs - 1000) * 1_000_000n },
  { payments_1h: 1n, cents_1h: 5n, last_at: BigInt(noonMs - 2000) * 1_000_000n },
  none,
  none,
  none,
  { cents_1h: 15_000n },
  { cents_1h: 15_005n },
  { cents_1h: 50n },
]

test('raw events are made into rows, left out or rejected, and a replay is the same', async (t) => {
  const same = {
    features: paymentsFile,
    clock: new ManualClock(noonMs),
    dataDir: await temporaryDir(t),
  }
  const daemon = await startDaemon(t, same)
  const client = connect(t, daemon.url)
  const receipt = await client.publish(payments, [
    payment(1, 'EUR 150.00'),
    payment(1, 'TEST 1.00'),
    payment(1, 'USD 1.00'),
    payment(3, 'EUR many'),
    payment(1, 'EUR 0.50', 's2'),
    payment(666, 'EUR 1.00'),
    payment(2, 'EUR 0.05'),
    { ...payment(2, 'EUR 1.00'), seconds: 10n ** 15n },
    { ...payment(2, 'EUR 1.00'), seconds: noonMs / 1000 + 3600 },
  ])
  assert.equal(receipt.accepted, 4)
  assert.deepEqual(
    receipt.rejected.map(({ index, code, path }) => [index, code, path]),
    [
      [2, 'POST_PROCESSOR_FAILED', ''],
      [3, 'POST_PROCESSOR_FAILED', ''],
      [5, 'EVENT_KEY', '/user_id'],
      [7, 'EVENT_TIME', '/at'],
      [8, 'EVENT_IN_FUTURE', '/at'],
    ],
  )
  assert.match(receipt.rejected[0]!.message, /^post-processor of "payments" failed: the currency/)
  assert.deepEqual(await answers(daemon), expected)
  await daemon.close()

  const again = await startDaemon(t, same)
  assert.deepEqual(await answers(again), expected)
  await again.drain()
  const third = await startDaemon(t, same)
  assert.deepEqual(await answers(third), expected)
})

test('raw events of a source that no view reads are post-processed, too', async (t) => {
  const daemon = await startDaemon(t, { features: paymentsFile, clock: new ManualClock(noonMs) })
  const receipt = await daemon.ingest(logins, [
    { who: 'ada', date: '2026-03-01' },
    { who: 'ada', date: 'some day' },
  ])
  assert.deepEqual(
    receipt.rejected.map(({ index, code }) => [index, code]),
    [[1, 'POST_PROCESSOR_FAILED']],
  )
})

test('definitions tell what is pushed, and a changed post-processor is refused', async (t) => {
  const same = { clock: new ManualClock(noonMs), dataDir: await temporaryDir(t) }
  const daemon = await startDaemon(t, { ...same, features: paymentsFile })
  const { body } = await daemon.http.inject('/v1/definitions')
  const { sources } = JSON.parse(body) as {
    sources: { name: string; fields: { name: string }[]; inputFields: { name: string }[] }[]
  }
  const source = sources.find(({ name }) => name === 'payments')!
  const names = (fields: { name: string }[]) => fields.map(({ name }) => name)
  assert.deepEqual(names(source.inputFields), ['user_id', 'shop', 'seconds', 'amount'])
  assert.deepEqual(names(source.fields), ['user_id', 'shop', 'at', 'cents'])
  await daemon.drain()

  const changed = join(same.dataDir, 'changed.ts')
  const text = await readFile(paymentsFile, 'utf8')
  await writeFile(changed, text.replace("'TEST'", "'TRIAL'"))
  await assert.rejects(startDaemon(t, { ...same, features: changed }), {
    code: 'DEFINITION_CHANGED',
    message: /^source "payments" .*\(the post-processor has changed\)/,
  })
})
