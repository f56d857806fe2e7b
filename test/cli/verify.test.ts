/**
 * `millrace verify`, of a daemon that runs and of a directory that is not in use.
 */
import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { runCli } from '../../src/cli/run.ts'
import { cartsFile, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'
import { flip } from '../helpers/stores.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)

test('a certificate is printed, of a daemon and of what it leaves', async (t) => {
  const dataDir = await temporaryDir(t)
  const clock = new ManualClock(noonMs)
  const daemon = await startDaemon(t, { features: cartsFile, dataDir, clock })
  const items = [{ sku: 'a', count: 2 }]
  await daemon.ingest(
    'carts',
    [1, 2, 3].map((n) => ({ cart: `c${n}`, at: noonMs, items })),
  )
  const io = testIo()
  assert.equal(await runCli(['verify', '--url', daemon.url], io), 0)
  assert.equal(io.outLines[0], 'what is served is what the journal says')
  assert.equal(io.outLines[1], '  cart_items: 3 keys, 6 values equal, 0 different')
  await daemon.close()
  const stopped = testIo()
  const args = ['verify', cartsFile, '--data', dataDir, '--json', '--keys', '5', '--seed', '9']
  assert.equal(await runCli(args, stopped), 0)
  const certificate = JSON.parse(stopped.outLines[0]!) as { isEqual: boolean; seed: number }
  assert.equal(certificate.isEqual, true)
  assert.equal(certificate.seed, 9)
})

test('a damaged journal is told as one, and nothing is certified of nothing', async (t) => {
  const dataDir = await temporaryDir(t)
  const clock = new ManualClock(noonMs)
  for (const carts of [['a', 'b'], []]) {
    const daemon = await startDaemon(t, { features: cartsFile, dataDir, clock })
    const none = testIo()
    if (carts.length > 0) {
      assert.equal(await runCli(['verify', '--url', daemon.url], none), 0)
      assert.equal(none.outLines[0], 'no value could be compared')
      const items = [{ sku: 'a', count: 2 }]
      await daemon.ingest(
        'carts',
        carts.map((cart) => ({ cart, at: noonMs, items })),
      )
    }
    await daemon.drain()
  }
  const journal = join(dataDir, 'journal')
  const [first] = (await readdir(journal)).toSorted()
  const file = join(journal, first!)
  // Behind the checkpoint of the drain: no start reads it.
  await flip(file, (await stat(file)).size - 40)
  const io = testIo()
  assert.equal(await runCli(['verify', cartsFile, '--data', dataDir], io), 65)
  assert.match(io.errLines.join('\n'), /^millrace: \S+ at byte \d+: [^\n]* \(JOURNAL_CORRUPT\)/)
})

test('what cannot be meant is refused', async (t) => {
  const dataDir = await temporaryDir(t)
  for (const [args, exitCode] of [
    [['--keys', '0'], 64],
    [['--keys', '100001'], 64],
    [['--seed', '-1'], 64],
    [['--data', dataDir], 64],
    [[cartsFile, '--data', dataDir], 66],
  ] as const) {
    const io = testIo()
    assert.equal(await runCli(['verify', ...args], io), exitCode, args.join(' '))
  }
})
