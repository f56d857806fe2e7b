/**
 * Shards that are made anew from the journal: the same features, or a refusal that changes nothing.
 */
import assert from 'node:assert/strict'
import { rm, truncate } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { runCli } from '../../src/cli/run.ts'
import { inspectDirectory } from '../../src/stored/inspect.ts'
import { rebuildShards } from '../../src/daemon/rebuild.ts'
import { userOrders } from '../fixtures/orders.ts'
import { plain, readHttp, startDaemon } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'
import { root } from '../helpers/repository.ts'
import { change, flip, segment, storedKey } from '../helpers/stores.ts'
import { copyOf, hashes, noonMs, storedDirectory } from '../helpers/stored.ts'

/** Every feature of every user, and what the ledger has. */
async function valuesOf(t: TestContext, dataDir: string): Promise<unknown> {
  const daemon = await startDaemon(t, { dataDir, clock: new ManualClock(noonMs) })
  const keys = Array.from({ length: 8 }, (_, user_id) => ({ user_id }))
  const rows = await readHttp(daemon.url, 'user_orders', ...keys)
  const answer = await fetch(`${daemon.url}/v1/ledger`)
  const { entries, summary } = (await answer.json()) as {
    readonly entries: unknown
    readonly summary: { readonly counts: unknown }
  }
  await daemon.close()
  return { rows, entries, counts: summary.counts }
}

function rebuild(dataDir: string, rebuilt: readonly number[] | null = null) {
  return rebuildShards({ dataDir, rebuilt, features: plain, clock: new ManualClock(noonMs) })
}

/** Damages a stored value; the number of its shard. */
async function damageShard(dataDir: string): Promise<number> {
  const [shard, key] = await storedKey(dataDir)
  await change(shard, key, ({ database, value }) => {
    value[value.length - 1]! ^= 1
    return database.put(key, value)
  })
  return Number(shard.slice(-3))
}

test('a damaged shard is made anew, with the same features and the same ledger', async (t) => {
  const whole = await storedDirectory(t)
  const expected = await valuesOf(t, await copyOf(t, whole))
  const dataDir = await copyOf(t, whole)
  const shard = await damageShard(dataDir)
  const name = `shards/00${shard}`
  const [rebuilt, ...others] = await rebuild(dataDir)
  assert.deepEqual([rebuilt!.shard, rebuilt!.aside, others], [shard, `${name}.aside-1`, []])
  assert.ok(existsSync(join(dataDir, `${name}.aside-1/data.mdb`)))
  assert.equal((await inspectDirectory(dataDir, true)).isSound, true)
  assert.deepEqual(await valuesOf(t, dataDir), expected)
  assert.deepEqual(await rebuild(dataDir), [], 'nothing is damaged any more')
})

test('shards that were asked for are made anew, damaged, missing or not', async (t) => {
  const whole = await storedDirectory(t)
  const expected = await valuesOf(t, await copyOf(t, whole))
  const dataDir = await copyOf(t, whole)
  await truncate(join(dataDir, 'shards/001/data.mdb'), 5000)
  await rm(join(dataDir, 'shards/002'), { recursive: true })
  const rebuilt = await rebuild(dataDir, [0, 1, 2, 3])
  const asides = rebuilt.map(({ aside }) => aside)
  assert.deepEqual(asides, ['shards/000.aside-1', 'shards/001.aside-1', null, 'shards/003.aside-1'])
  assert.deepEqual(await valuesOf(t, dataDir), expected)
})

const refused: Readonly<Record<string, [(dir: string) => Promise<unknown>, RegExp]>> = {
  'does not reach back': [
    async (dir) => rm(await segment(dir, 'journal', 0)),
    /^nothing was rebuilt: the journal begins at position \d+, and what was before is gone$/,
  ],
  'is damaged': [
    async (dir) => flip(await segment(dir, 'journal', 0), -60),
    /^nothing was rebuilt: journal\/0{16}\.journal at byte \d+: damaged record$/,
  ],
}

for (const [what, [damage, message]] of Object.entries(refused)) {
  test(`a rebuild from a journal that ${what} is refused, and changes nothing`, async (t) => {
    const dataDir = await storedDirectory(t)
    await damageShard(dataDir)
    await damage(dataDir)
    const before = await hashes(dataDir)
    await assert.rejects(rebuild(dataDir), { code: 'REBUILD_INCOMPLETE', message })
    assert.deepEqual(await hashes(dataDir), before)
  })
}

test('when the start of a rebuild fails, the shard is what it was', async (t) => {
  const dataDir = await storedDirectory(t)
  const shard = await damageShard(dataDir)
  const file = join(dataDir, `shards/00${shard}/data.mdb`)
  const before = (await hashes(dataDir)).get(file)
  const features = plain.filter((one) => one !== userOrders && !('features' in one))
  await assert.rejects(rebuildShards({ dataDir, rebuilt: null, features }), {
    code: 'DEFINITION_MISSING',
  })
  assert.equal((await hashes(dataDir)).get(file), before)
  assert.ok(!existsSync(join(dataDir, `shards/00${shard}.aside-1`)))
})

test('the command says what it has done', async (t) => {
  const dataDir = await storedDirectory(t)
  const shard = await damageShard(dataDir)
  const features = join(root, 'test/fixtures/orders.ts')
  const wrong = testIo()
  assert.equal(await runCli(['rebuild', features, '--data', dataDir, '--shard', 'x'], wrong), 64)
  const io = testIo()
  assert.equal(await runCli(['rebuild', features, '--data', dataDir], io), 0, io.errLines.join())
  const made = `^shard ${shard} was rebuilt up to position \\d+; what was there is in shards/`
  assert.match(io.outLines.join('\n'), new RegExp(made))
  const again = testIo()
  assert.equal(await runCli(['rebuild', features, '--data', dataDir, '--json'], again), 0)
  assert.deepEqual(again.outLines, ['{"rebuilt":[]}'])
  await rm(await segment(dataDir, 'journal', 0))
  await damageShard(dataDir)
  const refused = testIo()
  assert.equal(await runCli(['rebuild', features, '--data', dataDir], refused), 65)
})
