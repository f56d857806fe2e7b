/**
 * A Kafka sink that knows only the hosted platform, against a daemon.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { readHttp, startDaemon } from '../helpers/daemons.ts'
import { KafkaSink } from '../helpers/kafka-sink.ts'
import { root } from '../helpers/repository.ts'

const features = `${root}/test/fixtures/platform-events.ts`
const now = Date.parse('2026-03-01T12:00:00Z')

test('a sink writes its records, and reads how many were written', async (t) => {
  const { url } = await startDaemon(t, { features, clock: new ManualClock(now) })
  const common = { endpoint: url, workspace: 'prod', token: 'k' }
  const records = Array.from({ length: 10 }, (_, n) => ({
    user_id: 'u',
    timestamp: `2026-03-01T11:59:5${n}.25`,
    amt: n / 4,
  }))
  const trial = new KafkaSink({ ...common, isDryRun: true })
  assert.deepEqual([...(await trial.put('transactions', records))!.online], [['spending_fv', '10']])
  const sink = new KafkaSink({ ...common, isDryRun: false })
  const metrics = await sink.put('transactions', records)
  assert.equal(metrics!.workspaceName, 'prod')
  assert.deepEqual([...metrics!.online], [['spending_fv', '10']])
  const [row] = await readHttp(url, 'spending_fv', { user_id: 'u' })
  assert.deepEqual([row!.values['sum_1h'], row!.values['count_1h']], [11.25, '10'])
})

test('a sink that sends a bad batch again and again writes nothing of it', async (t) => {
  const { url } = await startDaemon(t, { features, clock: new ManualClock(now) })
  const sink = new KafkaSink({ endpoint: url, workspace: 'prod', isDryRun: false, token: 'k' })
  const good = { user_id: 'u', timestamp: '2026-03-01T11:59:50Z', amt: 1 }
  assert.equal(await sink.put('transactions', [good, { ...good, amt: 'much' }]), null)
  assert.equal(sink.attempts, 4)
  const [row] = await readHttp(url, 'spending_fv', { user_id: 'u' })
  assert.equal(row!.states['count_1h'], 'unseen')
})
