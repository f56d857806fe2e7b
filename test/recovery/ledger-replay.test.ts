/**
 * The daemon is killed while it publishes entries of its ledger again: each counts once.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { connect, readHttp, temporaryDir } from '../helpers/daemons.ts'
import { randomNumbers } from '../helpers/random.ts'
import { root } from '../helpers/repository.ts'
import { Served } from '../helpers/served.ts'

const events = 6000

interface Outcome {
  readonly replayed: number
  readonly accepted: number
  readonly skipped: { readonly replayed: number }
  readonly next: number | null
}

test('a replay that is killed at any moment goes on where it was', async (t) => {
  const random = randomNumbers(11)
  const dataDir = await temporaryDir(t)
  const flags = ['--checkpoint', '20ms']
  const without = { features: join(root, 'test/fixtures/orders.ts'), dataDir, port: 0, flags }
  let served = new Served(without)
  t.after(() => served.kill())
  const client = connect(t, await served.url)
  const at = systemClock.nowMs()
  const all = Array.from({ length: events }, (_, n) => ({ user_id: n % 10, at, amount: n }))
  const receipt = await client.publish('returns', all)
  assert.equal(receipt.rejected.length, events)
  await client.close()
  await served.kill()

  const options = { ...without, features: join(root, 'test/fixtures/returns.ts') }
  let kills = 0
  for (let isDone = false; !isDone;) {
    served = new Served(options)
    const url = await served.url
    const replaying = replayAll(url)
    if (kills < 4) {
      kills += 1
      for (let left = Math.floor(random() * 400); left > 0; left--) await turn()
      await Promise.all([served.kill(), replaying.catch(() => null)])
      continue
    }
    const looked = await replaying
    assert.equal(looked, events)
    const keys = Array.from({ length: 10 }, (_, user_id) => ({ user_id }))
    const rows = await readHttp(url, 'user_returns', ...keys)
    const sum = (name: string) => rows.reduce((all, { values }) => all + Number(values[name]), 0)
    assert.deepEqual([sum('returns_30d'), sum('amount_30d')], [events, (events * (events - 1)) / 2])
    isDone = true
  }
})

/** Replays everything; the number of entries looked at. */
async function replayAll(url: string): Promise<number> {
  let looked = 0
  for (let after: number | null = 0; after !== null;) {
    const response: Response = await fetch(`${url}/v1/ledger/replay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ after, limit: 1500 }),
    })
    const outcome = (await response.json()) as Outcome
    assert.equal(response.status, 200, JSON.stringify(outcome))
    assert.equal(outcome.accepted, outcome.replayed)
    looked += outcome.replayed + outcome.skipped.replayed
    after = outcome.next
  }
  return looked
}
