/**
 * The daemon is killed at any moment, and what it has acknowledged is there, once.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDir } from '../helpers/daemons.ts'
import { killRun } from '../helpers/kill-run.ts'
import { RawPeer } from '../helpers/raw-peer.ts'
import { rejectRun } from '../helpers/reject-run.ts'
import { root } from '../helpers/repository.ts'
import { Served } from '../helpers/served.ts'

const features = join(root, 'test/fixtures/orders.ts')

test('what is acknowledged counts exactly once, however often the daemon is killed', async () => {
  const events = await killRun({ rounds: 2, seed: 7, eventsMax: 3000, recoveriesMax: 1 })
  assert.ok(events > 0)
})

test('what is not counted is recorded once, however often the daemon is killed', async () => {
  const events = await rejectRun({ rounds: 2, seed: 7, eventsMax: 3000, recoveriesMax: 1 })
  assert.ok(events > 0)
})

test('a second SIGTERM ends a drain at once', async (t) => {
  const served = new Served({ features, dataDir: await temporaryDir(t), port: 0 })
  t.after(() => served.kill())
  const { peer } = await RawPeer.open(t, await served.url, 'p')
  // It does not answer the closing handshake, for which a drain waits.
  peer.tcp.pause()
  let said = ''
  const draining = new Promise<void>((resolve) => {
    served.child.stderr!.on('data', (text) => {
      said += String(text)
      if (said.includes('draining')) resolve()
    })
  })
  served.child.kill('SIGTERM')
  await draining
  assert.equal((await served.kill('SIGTERM')).exitCode, 143)
})
