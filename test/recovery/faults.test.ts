/**
 * The machine under a daemon fails: its disk hangs, errs or is full, its file descriptors are used
 * up. What was acknowledged counts once, and the daemon says what is wrong and ends, or goes on.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { rm, statfs, writeFile } from 'node:fs/promises'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { systemClock } from '../../src/base/clock.ts'
import { descriptorsKept } from '../../src/base/limits.ts'
import { skipWithout } from '../helpers/ci.ts'
import { cartsFile, connect, readHttp, temporaryDir } from '../helpers/daemons.ts'
import { inject, isThere } from '../helpers/inject.ts'
import { RawPeer } from '../helpers/raw-peer.ts'
import { root } from '../helpers/repository.ts'
import { Served, type ServedOptions } from '../helpers/served.ts'

const features = join(root, 'test/fixtures/orders.ts')

/** A fault that has no effect should fail its test, not hold up the others. */
const bounded = { timeout: 120_000 }

const order = (user_id: number) => ({
  user_id,
  store: 's',
  at: systemClock.nowMs() - 60_000,
  amount: 1,
})

function serve(t: TestContext, dataDir: string, rest: Partial<ServedOptions> = {}): Served {
  const served = new Served({ features, dataDir, port: 0, ...rest })
  t.after(() => served.kill())
  return served
}

/** How many orders of a user a daemon has counted. */
async function countOf(url: string, user_id: number): Promise<number> {
  const [row] = await readHttp(url, 'user_orders', { user_id })
  return Number(row!.values['orders_30d'])
}

/** Asks until `/readyz` has a status. */
async function untilReadyz(url: string, status: string): Promise<{ error?: { code: string } }> {
  for (;;) {
    const response = await fetch(`${url}/readyz`)
    const body = (await response.json()) as { status: string; error?: { code: string } }
    if (body.status === status) return body
  }
}

test('a flush that hangs is told, and then ends the daemon', bounded, async (t) => {
  if (!isThere('strace')) return skipWithout(t, 'strace')
  const dataDir = await temporaryDir(t)
  const served = serve(t, dataDir)
  const url = await served.url
  const { peer } = await RawPeer.open(t, url, 'p')
  peer.publish('orders', 0, [order(1)])
  await peer.acked(0)
  const hang = { calls: 'fdatasync', fault: 'delay_enter=600000000' }
  const letGo = await inject(t, served.child.pid!, hang)
  peer.publish('orders', 1, [order(1)])
  const { error } = await untilReadyz(url, 'stalled')
  assert.equal(error!.code, 'STALLED')
  assert.equal(await countOf(url, 2), 0)
  // The call that hangs keeps the process from ending in good order, and the tracer even then.
  for (let text = ''; !text.includes('ending by SIGKILL');) {
    text += String((await once(served.child.stderr!, 'data'))[0])
  }
  await letGo()
  const { exitCode, signal, said } = await served.ended
  assert.deepEqual([exitCode, signal], [null, 'SIGKILL'])
  assert.match(said, /the journal has not moved for \d+ ms/)
  assert.equal(await peer.closed, 1011)
  const again = await serve(t, dataDir).url
  const counted = await countOf(again, 1)
  assert.ok(counted === 1 || counted === 2, `${counted} of 1 acknowledged and 1 that is unknown`)
})

for (const [part, calls, code] of [
  ['journal', 'fdatasync', 'JOURNAL_WRITE'],
  ['journal', 'pwrite64,pwritev', 'JOURNAL_WRITE'],
  // Of a failed commit, lmdb also rejects a promise that nobody has, which ends the thread: either
  // may be heard of first.
  ['shards', 'fdatasync', 'CHECKPOINT_FAILED|SHARD_FAILED'],
  ['shards', 'pwrite64,pwritev,writev', 'CHECKPOINT_FAILED|SHARD_FAILED'],
] as const) {
  const name = `${calls} of ${part} that fails ends the daemon with 70, and nothing counts twice`
  test(name, bounded, async (t) => {
    if (!isThere('strace')) return skipWithout(t, 'strace')
    const dataDir = await temporaryDir(t)
    const served = serve(t, dataDir, { flags: ['--checkpoint', '50ms'] })
    const url = await served.url
    const { peer, welcome } = await RawPeer.open(t, url, 'p')
    peer.publish('orders', 0, [order(1)])
    await peer.acked(0)
    const entries = readdirSync(join(dataDir, part), { recursive: true, withFileTypes: true })
    const files = entries.filter((each) => each.isFile()).map((each) => join(each.path, each.name))
    await inject(t, served.child.pid!, { calls, fault: 'error=EIO', files })
    peer.publish('orders', 1, [order(1)])
    const { exitCode, said } = await served.ended
    assert.equal(exitCode, 70, said)
    assert.match(said, new RegExp(code))
    const again = await serve(t, dataDir).url
    const resumed = await RawPeer.open(t, again, 'p', welcome.epoch)
    if (resumed.welcome.lastSeq === 0) {
      resumed.peer.publish('orders', 1, [order(1)])
      await resumed.peer.acked(1)
    }
    assert.equal(await countOf(again, 1), 2)
  })
}

test('a full disk refuses events and serves features, until there is room', bounded, async (t) => {
  const dataDir = await temporaryDir(t)
  const mount = 'mount -t tmpfs -o size=48m,mode=700 none "$0" && exec "$@"'
  const served = serve(t, dataDir, { wrap: ['unshare', '-m', 'sh', '-c', mount, dataDir] })
  const url = await Promise.race([served.url, served.ended])
  if (typeof url !== 'string') return skipWithout(t, `a mount of its own (${url.said})`)
  // The mount is the daemon's alone.
  const inside = `/proc/${served.child.pid}/root${dataDir}`
  const { peer, welcome } = await RawPeer.open(t, url, 'p')
  peer.publish('orders', 0, [order(1)])
  await peer.acked(0)
  const { bavail, bsize } = await statfs(inside)
  await writeFile(join(inside, 'ballast'), new Uint8Array(bavail * bsize - 1024 * 1024))
  await untilReadyz(url, 'storage-full')
  peer.publish('orders', 1, [order(1)])
  peer.publish('orders', 2, [order(1)])
  const [sequence, code, , expected, retryAfterMs] = await peer.next(5)
  assert.deepEqual([sequence, code, expected, retryAfterMs], [1, 'STORAGE_FULL', 1, 1000])
  assert.equal((await peer.next(5))[0], 2)
  assert.equal(await countOf(url, 1), 1)
  await assert.rejects(RawPeer.open(t, url, 'another'), { message: '1013' })
  const resumed = await RawPeer.open(t, url, 'p', welcome.epoch)
  assert.equal(resumed.welcome.lastSeq, 0)
  const again = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }
  assert.equal((await fetch(`${url}/v1/ledger/replay`, again)).status, 507)
  // A client waits, and says nothing of it.
  const receipt = connect(t, url).publish('orders', [order(2)])
  await rm(join(inside, 'ballast'))
  await untilReadyz(url, 'ready')
  resumed.peer.publish('orders', 1, [order(1), order(1)])
  await resumed.peer.acked(2)
  assert.equal((await receipt).accepted, 1)
  assert.equal(await countOf(url, 1), 3)
  assert.equal((await served.kill('SIGTERM')).exitCode, 0)
})

test(
  'peers cannot use up the descriptors that the logs and the stores need',
  bounded,
  async (t) => {
    if (!isThere('prlimit')) return skipWithout(t, 'prlimit')
    const dataDir = await temporaryDir(t)
    // Modules are loaded many at a time: a start needs more than what is kept.
    const limit = 400
    const wrap = ['prlimit', `--nofile=${limit}`]
    const flags = ['--checkpoint', '50ms', '--ledger-size', '1MiB']
    const served = serve(t, dataDir, { wrap, flags })
    const url = await served.url
    const { peer } = await RawPeer.open(t, url, 'p')
    const { port } = new URL(url)
    const sockets = Array.from({ length: limit }, () => connectTcp(Number(port), '127.0.0.1'))
    t.after(() => sockets.forEach((socket) => socket.destroy()))
    for (const socket of sockets) socket.on('error', () => {})
    // Those beyond are cut as they come.
    await Promise.race(sockets.map((socket) => once(socket, 'close')))
    const open = readdirSync(`/proc/${served.child.pid}/fd`).length
    assert.ok(open <= limit - descriptorsKept + 4, `${open} of ${limit}`)
    // Segments of the ledger, and checkpoints.
    const wrong = encode({ user_id: 'x', filler: 'y'.repeat(1000) })
    for (let n = 0; n < 20; n++) {
      peer.publish('orders', 101 * n, [...Array.from({ length: 100 }, () => wrong), order(1)])
      await peer.acked(101 * n + 100)
    }
    for (const socket of sockets) socket.destroy()
    assert.equal(await countOf(url, 1), 20)
    assert.ok(readdirSync(join(dataDir, 'ledger')).length > 3)
    const { exitCode, said } = await served.kill('SIGTERM')
    assert.equal(exitCode, 0, said)
  },
)

test('a data directory that is removed ends the daemon, which writes into nothing', async (t) => {
  const dataDir = join(await temporaryDir(t), 'store')
  const served = serve(t, dataDir)
  await served.url
  await rm(dataDir, { recursive: true })
  const { exitCode, said } = await served.ended
  assert.equal(exitCode, 70, said)
  assert.match(said, /STORE_GONE/)
})

test('a thread that hangs is told, and well again when it goes on', bounded, async (t) => {
  const dataDir = await temporaryDir(t)
  const gate = join(dataDir, 'gate')
  const served = serve(t, join(dataDir, 'store'), { features: cartsFile })
  t.after(() => writeFile(gate, '').catch(() => {}))
  const url = await served.url
  const { peer } = await RawPeer.open(t, url, 'p')
  const at = systemClock.nowMs()
  peer.publish('commands', 0, [{ cart: 'c', at, command: `wait ${gate}`, filler: '' }])
  assert.equal((await untilReadyz(url, 'blocked')).error!.code, 'SHARD_BLOCKED')
  assert.equal((await fetch(`${url}/healthz`)).status, 503)
  await writeFile(gate, '')
  await peer.acked(0)
  await untilReadyz(url, 'ready')
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
})

test('an error that nobody catches ends the daemon with 70, and says which', async (t) => {
  const planted = `process.on('SIGUSR2',()=>{throw(new(Error)('planted'))})`
  const wrap = ['env', `NODE_OPTIONS=--import=data:text/javascript,${planted}`]
  const served = serve(t, await temporaryDir(t), { wrap })
  await served.url
  const { exitCode, said } = await served.kill('SIGUSR2')
  assert.equal(exitCode, 70)
  assert.match(said, /unexpected: Error: planted/)
})

test('a hangup drains', async (t) => {
  const served = serve(t, await temporaryDir(t))
  await served.url
  const { exitCode, said } = await served.kill('SIGHUP')
  assert.equal(exitCode, 0, said)
  assert.match(said, /SIGHUP: draining/)
})

test('what is wrong with the data directory decides the exit code of a start', async (t) => {
  const dataDir = await temporaryDir(t)
  const file = join(dataDir, 'file')
  await writeFile(file, '')
  assert.equal((await serve(t, file).ended).exitCode, 73)
  const first = serve(t, join(dataDir, 'store'))
  await first.url
  assert.equal((await first.kill('SIGTERM')).exitCode, 0)
  await writeFile(join(dataDir, 'store/shards/002/data.mdb'), 'no environment'.repeat(1000))
  const { exitCode, said } = await serve(t, join(dataDir, 'store')).ended
  assert.equal(exitCode, 65, said)
  assert.match(said, /STORE_CORRUPT/)
})
