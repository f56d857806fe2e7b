/**
 * `millrace verify`, of a daemon that runs and of a directory that is not in use.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { runCli } from '../../src/cli/run.ts'
import { cartsFile, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'

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
