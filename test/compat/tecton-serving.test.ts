/**
 * How long a read may take, and what is answered of one that takes longer or is not done: over a
 * reader and timers that the test holds.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { MillraceError } from '../../src/base/errors.ts'
import { PlatformMeter } from '../../src/compat/tecton/meter.ts'
import { addTectonServing, type ServingOptions } from '../../src/compat/tecton/serving.ts'
import type { ReadPort, TypedFeatureTable } from '../../src/model/contracts.ts'
import { createHttp } from '../../src/serve/http.ts'
import { noBackfills } from '../helpers/backfills.ts'
import { noLedger } from '../helpers/ledgers.ts'
import { noPush } from '../helpers/pushes.ts'
import { shopCatalog } from '../helpers/shop-catalog.ts'

const table: TypedFeatureTable = {
  names: ['count_1h', 'mean_1h', 'last_at_1h'],
  types: [],
  rows: [
    {
      values: [3n, Number.NaN, 1n],
      states: ['present', 'present', 'present'],
      newestNs: [1n, 1n, 1n],
      edgeNs: [5n, 5n, 5n],
    },
  ],
}

/** A platform whose reads and timers come to an end when they are told. */
function heldPlatform(options: Partial<ServingOptions> = {}) {
  const timers: { delayMs: number; run: () => void; isOff: boolean }[] = []
  const reads: { settle: (table: TypedFeatureTable) => void; fail: (error: Error) => void }[] = []
  const read: ReadPort = {
    read: () =>
      new Promise((settle, fail) => {
        reads.push({ settle, fail })
      }),
    query: () => Promise.reject(new Error('not asked')),
  }
  const clock = new ManualClock(1000)
  const app = createHttp({
    catalog: shopCatalog,
    read,
    push: noPush,
    ledger: noLedger,
    backfills: noBackfills,
    status: () => ({}),
    readiness: () => ({ state: 'ready', warnings: [] }),
    nowMs: () => clock.nowMs(),
    streamPath: '/v1/stream',
  })
  addTectonServing(app, {
    catalog: shopCatalog,
    read,
    assertServing: () => {},
    clock,
    meter: new PlatformMeter({ clock, services: new Map(), views: new Map(), logged: new Map() }),
    after: (delayMs, run) => {
      const timer = { delayMs, run, isOff: false }
      timers.push(timer)
      return () => {
        timer.isOff = true
      }
    },
    ...options,
  })
  const ask = (requestOptions: object = {}) => {
    const metadataOptions = { includeServingStatus: true, includeSloInfo: true }
    const params = { featureViewName: 'by_user', joinKeyMap: { user_id: 1 }, metadataOptions }
    const payload = { params: { ...params, requestOptions } }
    return app.inject({ method: 'POST', url: '/api/v1/feature-service/get-features', payload })
  }
  /** Resolves when the read has begun. */
  const begun = async (count: number): Promise<void> => {
    while (reads.length < count) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
  }
  return { ask, begun, timers, reads, clock }
}

test('a read that takes longer than the server waits is timed out', async () => {
  const { ask, begun, timers } = heldPlatform()
  const asked = ask()
  await begun(1)
  assert.deepEqual(
    timers.map(({ delayMs }) => delayMs),
    [2000],
  )
  timers[0]!.run()
  const { statusCode, body } = await asked
  assert.equal(statusCode, 504)
  assert.deepEqual(JSON.parse(body), { error: 'Timed out', code: 4, message: 'Timed out' })
})

test('what is not read within its budget is null and says so', async () => {
  const { ask, begun, timers } = heldPlatform()
  const asked = ask({ latencyBudgetMs: '50' })
  await begun(1)
  assert.equal(timers[0]!.delayMs, 50)
  timers[0]!.run()
  const { statusCode, body } = await asked
  assert.equal(statusCode, 200)
  const { result, metadata } = JSON.parse(body) as {
    result: unknown
    metadata: { features: unknown }
  }
  assert.deepEqual(result, { features: [null, null, null] })
  const late = { status: 'TIME_OUT' }
  assert.deepEqual(metadata.features, [late, late, late])
})

test('a budget beyond the limit of the server changes nothing', async () => {
  const { ask, begun, timers } = heldPlatform()
  const asked = ask({ latencyBudgetMs: 60_000 })
  await begun(1)
  assert.equal(timers[0]!.delayMs, 2000)
  timers[0]!.run()
  assert.equal((await asked).statusCode, 504)
})

test('a read in time calls its timer off and tells how long it took', async () => {
  const { ask, begun, timers, reads, clock } = heldPlatform()
  const asked = ask({ latencyBudgetMs: 50 })
  await begun(1)
  clock.advance(12)
  reads[0]!.settle(table)
  const { statusCode, body } = await asked
  assert.equal(statusCode, 200)
  assert.equal(timers[0]!.isOff, true)
  assert.deepEqual(JSON.parse(body), {
    result: { features: ['3', '1970-01-01T00:00:00.000000001Z', 'NaN'] },
    metadata: {
      features: [{ status: 'PRESENT' }, { status: 'PRESENT' }, { status: 'PRESENT' }],
      sloInfo: {
        sloEligible: true,
        sloServerTimeSeconds: 0.012,
        dynamodbResponseSizeBytes: 0,
        serverTimeSeconds: 0.012,
        storeMaxLatency: 0.012,
        storeResponseSizeBytes: '["3","1970-01-01T00:00:00.000000001Z","NaN"]'.length,
      },
    },
  })
})

test('too much work, and a daemon that has failed, are told in words of the platform', async () => {
  const failed = new MillraceError('FAILED', { reason: 'JOURNAL_WRITE' })
  const ending = heldPlatform({
    assertServing: () => {
      throw failed
    },
  })
  const gone = await ending.ask()
  const message = '503 Service Temporarily Unavailable'
  assert.equal(gone.statusCode, 503)
  assert.equal(gone.headers['retry-after'], '1')
  assert.deepEqual(JSON.parse(gone.body), { error: message, code: 14, message })

  const { ask, begun, reads } = heldPlatform()
  const asked = ask()
  await begun(1)
  reads[0]!.fail(new MillraceError('OVERLOADED'))
  const busy = await asked
  const busyMessage = 'GetFeatures exceeded the concurrent request limit, please retry later'
  assert.equal(busy.statusCode, 429)
  assert.deepEqual(JSON.parse(busy.body), { error: busyMessage, code: 8, message: busyMessage })

  const again = ask()
  await begun(2)
  reads[1]!.fail(new Error('a secret of the inside'))
  const broken = await again
  assert.equal(broken.statusCode, 500)
  const inside = { error: 'internal error', code: 13, message: 'internal error' }
  assert.deepEqual(JSON.parse(broken.body), inside)
})
