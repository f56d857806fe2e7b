import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { runCli } from '../../src/cli/run.ts'
import * as places from '../fixtures/places.ts'
import { startDaemon } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'
import { root } from '../helpers/repository.ts'
import { openShopServer, type ShopServer } from '../helpers/shop-server.ts'

let server: ShopServer
before(async () => {
  server = await openShopServer()
})
after(() => server.close())

test('get prints each feature with its value, its state and its freshness', async () => {
  const io = testIo('', { MILLRACE_URL: server.url })
  assert.equal(await runCli(['get', 'by_user', 'user_id=1'], io), 0)
  assert.deepEqual(io.outLines, [
    'FEATURE             VALUE  STATE',
    'by_user.count_1h    3      present',
    'by_user.mean_1h     1.5    present',
    'by_user.last_at_1h  -      null',
    '',
    'by_user: newest event 2024-05-01T11:58:30Z (1m30s ago); windows end 2024-05-01T12:00:00Z',
  ])
})

test('get says when no event of the key was seen', async () => {
  const io = testIo()
  assert.equal(await runCli(['get', 'by_user', 'user_id=2', '--url', server.url], io), 0)
  assert.match(io.outLines[1]!, /^by_user.count_1h +- +unseen$/)
  assert.equal(io.outLines.at(-1), 'by_user: no event seen; windows end 2024-05-01T12:00:00Z')
})

test('get --json prints the body of the answer', async () => {
  const io = testIo()
  const args = ['get', 'ranking', 'user_id=1', 'region=a=b&c', '--json', '--url', server.url]
  assert.equal(await runCli(args, io), 0)
  const body = JSON.parse(io.outLines[0]!) as { service: string; rows: { key: unknown }[] }
  assert.equal(body.service, 'ranking')
  assert.deepEqual(body.rows[0]!.key, { user_id: '1', region: 'a=b&c' })
})

test('get --leading-edge says what ends the windows', async () => {
  const paths: string[] = []
  const bodies: unknown[] = []
  const joinKeys = [
    { name: 'user', type: { kind: 'String' } },
    { name: 'is_new', type: { kind: 'Bool' } },
  ]
  const daemon = createServer((request, response) => {
    paths.push(`${request.method} ${request.url}`)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const isRead = request.method === 'POST'
      if (isRead) bodies.push(JSON.parse(Buffer.concat(chunks).toString()))
      const definitions = { services: [{ name: 'v', joinKeys }] }
      response.end(JSON.stringify(isRead ? { features: [], rows: [] } : definitions))
    })
  })
  await new Promise<void>((resolve) => daemon.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(daemon.address() as AddressInfo).port}`
  const args = ['get', 'v', 'user=true', 'is_new=true', '--leading-edge', 'latest-event']
  const io = testIo('', { MILLRACE_URL: url })
  assert.equal(await runCli(args, io), 0, io.errLines.join())
  assert.deepEqual(paths, ['GET /v1/definitions', 'POST /v1/features/v'])
  assert.deepEqual(bodies, [
    { keys: [{ user: 'true', is_new: true }], leadingEdge: 'latest-event' },
  ])
  daemon.closeAllConnections()
  daemon.close()
})

test('get --leading-edge reads from a daemon as it is', async () => {
  const args = ['by_user', 'user_id=1', '--leading-edge', 'wall-clock', '--url', server.url]
  const io = testIo()
  assert.equal(await runCli(['get', ...args], io), 0, io.errLines.join())
  assert.match(io.outLines[1]!, /^by_user.count_1h +3 +present$/)
})

test('a refusal of the server is one line, with the exit code of its own code', async () => {
  const cases: [string[], number, RegExp][] = [
    [['by_user'], 65, /join key "user_id": missing/],
    [['by_user', 'user_id=x'], 65, /expected Int64/],
    [['by_user', 'usr=1'], 65, /"usr": not a join key of this read, which takes user_id/],
    [['nothing', 'user_id=1'], 1, /no feature service or view is named "nothing"/],
    [['a/b?c', 'user_id=1'], 1, /no feature service or view is named "a\/b\?c"/],
  ]
  for (const [args, exitCode, reason] of cases) {
    const io = testIo()
    assert.equal(await runCli(['get', ...args, '--url', server.url], io), exitCode)
    assert.match(io.errLines[0]!, reason)
    assert.deepEqual(io.outLines, [])
  }
})

test('a daemon that is not there is unreachable, with a hint', async () => {
  const io = testIo()
  // Nothing listens on port 1 of this machine.
  const args = ['get', 'by_user', 'user_id=1', '--url', 'http://127.0.0.1:1']
  assert.equal(await runCli(args, io), 1)
  assert.match(io.errLines[0]!, /cannot reach http:\/\/127\.0\.0\.1:1: .*CLIENT_UNREACHABLE/)
  assert.match(io.errLines[1]!, /is the daemon running/)
})

test('a server that is no Millrace daemon is told as such', async () => {
  const other = createServer((_, response) => response.end('<html>'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  const io = testIo()
  assert.equal(await runCli(['get', 'by_user', 'user_id=1', '--url', url], io), 1)
  assert.match(io.errLines[0]!, /not a Millrace daemon/)
  other.closeAllConnections()
  other.close()
})

test('get reads realtime features, and all that a part of a key finds', async (t) => {
  const realtime = await startDaemon(t, { features: join(root, 'test/fixtures/transfers.ts') })
  const io = testIo('', { MILLRACE_URL: realtime.url })
  assert.equal(await runCli(['get', 'deed', '--request', '{"deed": "throw"}'], io), 0)
  assert.deepEqual(io.outLines, [
    'FEATURE  VALUE  STATE',
    'value    -      failed',
    '',
    'deed: failed: it was asked to',
  ])
  const wrong = testIo('', { MILLRACE_URL: realtime.url })
  assert.equal(await runCli(['get', 'deed', '--request', '[]'], wrong), 64)
  const missing = testIo('', { MILLRACE_URL: realtime.url })
  assert.equal(await runCli(['get', 'deed'], missing), 65)
  assert.match(missing.errLines[0]!, /request field "deed": missing/)

  const daemon = await startDaemon(t, { features: Object.values(places) })
  const at = new Date(systemClock.nowMs() - 60_000)
  await daemon.ingest(places.visits, [
    { user_id: 1, shop: 'b', at, spent: 3 },
    { user_id: 1, shop: 'a', at, spent: 5 },
  ])
  const found = testIo('', { MILLRACE_URL: daemon.url })
  assert.equal(await runCli(['get', 'by_both', 'user_id=1', '--query'], found), 0)
  assert.deepEqual(
    found.outLines.filter((line) => /=|spent/.test(line)),
    ['shop=a user_id=1', 'spent    5      present', 'shop=b user_id=1', 'spent    3      present'],
  )
  const none = testIo('', { MILLRACE_URL: daemon.url })
  const edge = ['--leading-edge', 'wall-clock']
  assert.equal(await runCli(['get', 'by_both', 'user_id=2', '--query', ...edge], none), 0)
  assert.deepEqual(none.outLines, ['no key is known'])
})
