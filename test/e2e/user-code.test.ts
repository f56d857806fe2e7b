/**
 * Functions of a features file that are not plain: what they do to their event, and that they do
 * nothing to the daemon, nor to its next start.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import type { EventOf } from '../../src/index.ts'
import { unread, visitors, visits } from '../fixtures/strays.ts'
import { connect, temporaryDir } from '../helpers/daemons.ts'
import { root } from '../helpers/repository.ts'
import { Served } from '../helpers/served.ts'

const deeds = [
  'none',
  'is a promise',
  'holds a promise',
  'lists promises',
  'leaves a promise',
  'leaves a timer',
  'leaves a promise',
]

const reasons = [
  [1, 'it returned a promise, and a '],
  [2, 'it returned a promise at /deed, and a '],
  [3, 'it returned a promise at /1, and a '],
] as const

test('promises and timers of user code end no thread, and no later start', async (t) => {
  const features = join(root, 'test/fixtures/strays.ts')
  const options = { features, dataDir: await temporaryDir(t), port: 0 }
  const first = new Served(options)
  t.after(() => first.kill())
  const client = connect(t, await first.url)
  const at = new Date(systemClock.nowMs() - 60_000)
  const events = deeds.map((deed): EventOf<typeof visits> => ({ user_id: 1, at, deed }))
  for (const [source, code, what] of [
    [visits, 'TRANSFORM_FAILED', 'transform'],
    [unread, 'POST_PROCESSOR_FAILED', 'post-processor'],
  ] as const) {
    const { accepted, rejected } = await client.publish(source, events)
    assert.equal(accepted, 4)
    assert.deepEqual(
      rejected.map((each) => [each.index, each.code]),
      reasons.map(([index]) => [index, code]),
    )
    rejected.forEach(({ message }, n) => {
      assert.ok(message.endsWith(`: ${reasons[n]![1]}${what} is a plain function`), message)
    })
  }
  const counted = { visits_1h: 4n }
  assert.deepEqual((await client.get(visitors, { user_id: 1 })).values, counted)
  await client.close()
  // Killed, so that the next start has the events to replay.
  const { said } = await first.kill()
  const warnings = said.match(/MillraceWarning: .*/g) ?? []
  assert.equal(warnings.length, 2, said)
  for (const warning of warnings)
    assert.match(warning, /that failed: leaves a promise nobody waits\./)

  const second = new Served(options)
  t.after(() => second.kill())
  const again = connect(t, await second.url)
  assert.deepEqual((await again.get(visitors, { user_id: 1 })).values, counted)
  assert.equal((await again.publish(visits, events[0]!)).accepted, 1)
  assert.deepEqual((await again.get(visitors, { user_id: 1 })).values, { visits_1h: 5n })
})
