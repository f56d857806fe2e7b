/**
 * Backups of a directory that is in use, and what comes of putting one back.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { runCli } from '../../src/cli/run.ts'
import { quarantineName, writeQuarantine } from '../../src/persist/quarantine.ts'
import { backUp } from '../../src/stored/backup.ts'
import { readBackup } from '../../src/stored/backup-file.ts'
import { restore } from '../../src/stored/restore.ts'
import { sealJson } from '../../src/base/sealed-json.ts'
import { orders } from '../fixtures/orders.ts'
import { connect, readHttp, startDaemon } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'
import { flip, segment } from '../helpers/stores.ts'
import { copyOf, hashes, noonMs, order, storedDirectory } from '../helpers/stored.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const clock = new ManualClock(noonMs)

/** Orders and amounts of every user that the daemon of a directory serves. */
async function totals(t: TestContext, dataDir: string): Promise<number[][]> {
  const daemon = await startDaemon(t, { dataDir, clock })
  const keys = Array.from({ length: 7 }, (_, user_id) => ({ user_id }))
  const rows = await readHttp(daemon.url, 'user_orders', ...keys)
  await daemon.close()
  return rows.map(({ values }) => [Number(values['orders_30d']), Number(values['amount_30d'])])
}

/** The same of the first `count` orders. */
function expected(count: number): number[][] {
  const sums = Array.from({ length: 7 }, () => [0, 0])
  for (let n = 0; n < count; n++) {
    const { user_id, amount } = order(n)
    sums[user_id]![0]! += 1
    sums[user_id]![1]! += amount
  }
  return sums
}

test('a backup under load has all that was acknowledged, and a prefix of what came', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const daemon = await startDaemon(t, { dataDir, clock, checkpointMs: 1 })
  const size = 200
  let acknowledged = 0
  const over = new AbortController()
  const load = (async () => {
    for (; !over.signal.aborted; acknowledged += size) {
      const events = Array.from({ length: size }, (_, n) => order(acknowledged + n))
      await daemon.ingest(orders, events)
    }
  })()
  const dirs: [to: string, before: number, after: number][] = []
  for (let n = 0; n < 3; n++) {
    const to = join(await temporaryDirectory(t), 'backup')
    const before = acknowledged
    await backUp(dataDir, to)
    dirs.push([to, before, acknowledged + size])
  }
  over.abort()
  await load
  await daemon.close()
  for (const [to, before, after] of dirs) {
    const restored = join(await temporaryDirectory(t), 'data')
    await restore(to, restored)
    const found = await totals(t, restored)
    const count = found.reduce((sum, [orders]) => sum + orders!, 0)
    assert.ok(before <= count && count <= after, `${before} ${count} ${after}`)
    assert.deepEqual(found, expected(count))
  }
  assert.deepEqual(await totals(t, dataDir), expected(acknowledged), 'the original is as it was')
})

test('a producer notices that a backup was put back, and sends nothing again', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const daemon = await startDaemon(t, { dataDir, clock })
  const client = connect(t, daemon.url, 'shop')
  await client.publish(orders, [order(0), order(1)])
  const to = join(await temporaryDirectory(t), 'backup')
  await backUp(dataDir, to)
  await client.publish(orders, [order(2)])
  await daemon.close()
  const restored = join(await temporaryDirectory(t), 'data')
  const { incarnation } = await restore(to, restored)
  assert.notEqual(incarnation, (await readBackup(to)).incarnation)
  const lost = client.publish(orders, [order(3)])
  const port = Number(new URL(daemon.url).port)
  const again = await startDaemon(t, { dataDir: restored, clock, port })
  await assert.rejects(lost, {
    code: 'CLIENT_DATA_LOSS',
    message: /^.* up to 3 events that it had acknowledged may be lost, /,
  })
  await again.close()
  assert.deepEqual(await totals(t, restored), expected(2))
})

test('a directory that is not in use is copied byte by byte', async (t) => {
  const dataDir = await storedDirectory(t)
  const to = join(await temporaryDirectory(t), 'backup')
  await writeQuarantine(join(dataDir, quarantineName), [{ position: 1, index: 0, views: ['v'] }])
  const { files } = await backUp(dataDir, to)
  assert.ok(quarantineName in files)
  const [before, after] = [await hashes(dataDir), await hashes(to)]
  for (const path of Object.keys(files)) {
    assert.equal(after.get(join(to, path)), before.get(join(dataDir, path)), path)
  }
  const names = Object.keys(files).filter((path) => path.endsWith('data.mdb'))
  assert.equal(names.length, 4)
  assert.equal((await readdir(join(to, 'journal'))).length, 2)
})

test('a backup with any damage is not put back, and nothing is left', async (t) => {
  const dataDir = await storedDirectory(t)
  const to = join(await temporaryDirectory(t), 'backup')
  const { files, ...about } = await backUp(dataDir, to)
  const parent = await temporaryDirectory(t)
  const isRefused = async (copy: string, file: RegExp): Promise<void> => {
    const message = new RegExp(`^${file.source}: (?:is not what was written|is missing|ENOENT)`)
    await assert.rejects(restore(copy, join(parent, 'data')), { code: 'BACKUP_INVALID', message })
    assert.deepEqual(await readdir(parent), [])
  }
  const copy = await copyOf(t, to)
  for (const path of Object.keys(files).filter((name) => name !== 'store.json')) {
    const bytes = await readFile(join(copy, path))
    await flip(join(copy, path), Math.floor(bytes.length / 2))
    await isRefused(copy, new RegExp(path))
    await rm(join(copy, path))
    await isRefused(copy, new RegExp(path))
    await writeFile(join(copy, path), bytes)
  }
  const outside = { ...about, files: { ...files, '../data.mdb': { bytes: 0, crc: 0 } } }
  await writeFile(join(copy, 'backup.json'), sealJson(outside))
  await assert.rejects(restore(copy, join(parent, 'data')), { code: 'BACKUP_INVALID' })
  await flip(join(copy, 'backup.json'), 20)
  await isRefused(copy, /.*backup\.json/)
  await rm(join(copy, 'backup.json'))
  await isRefused(copy, /.*backup\.json/)
})

test('a damaged directory is not backed up, and nothing is left', async (t) => {
  const dataDir = await storedDirectory(t)
  await flip(await segment(dataDir, 'journal', 0), -60)
  const to = join(await temporaryDirectory(t), 'backup')
  await assert.rejects(backUp(dataDir, to), {
    code: 'BACKUP_INVALID',
    message: /^journal\/0{16}\.journal: damaged record$/,
  })
  assert.equal(existsSync(to), false)
})

test('the commands copy and put back, and refuse a directory that holds something', async (t) => {
  const dataDir = await storedDirectory(t)
  const [to, restored] = ['backup', 'data'].map((name) => join(dataDir, '..', `${name}-of-test`))
  t.after(() =>
    Promise.all([to!, restored!].map((path) => rm(path, { recursive: true, force: true }))),
  )
  const run = async (code: number, ...args: string[]): Promise<string> => {
    const io = testIo()
    assert.equal(await runCli(args, io), code, io.errLines.join('\n'))
    return [...io.outLines, ...io.errLines].join('\n')
  }
  assert.match(
    await run(0, 'backup', to!, '--data', dataDir),
    /all events up to position \d+: 9 files/,
  )
  assert.match(await run(73, 'backup', to!, '--data', dataDir), /is not empty/)
  const told = JSON.parse(await run(0, 'restore', to!, '--data', restored!, '--json')) as object
  assert.deepEqual(Object.keys(told), ['dataDir', 'position', 'incarnation'])
  assert.match(await run(73, 'restore', to!, '--data', restored!), /is not empty/)
  assert.match(await run(65, 'restore', dataDir, '--data', join(restored!, 'x')), /BACKUP_INVALID/)
})
