/**
 * What came from producers on the terminal of an operator, and in the log: shown, never obeyed.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { runCli } from '../../src/cli/run.ts'
import { startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'
import { RawPeer } from '../helpers/raw-peer.ts'
import { root } from '../helpers/repository.ts'
import { Served } from '../helpers/served.ts'

/** It clears a screen, sets a title, turns text around, and begins a line of its own. */
const hostile = '\u001b[2J\u001b]0;x\u0007\u009b31m\u202eabc\u2028def\r\nghi\u007f\u2066'

// oxlint-disable-next-line no-control-regex
const obeyed = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/

/** A daemon that answers everything with this. */
async function answering(t: TestContext, answer: object): Promise<string> {
  const server = createServer((_, response) => response.end(JSON.stringify(answer)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What a command prints; nothing in it may be obeyed. */
async function printed(...args: readonly string[]): Promise<string[]> {
  const io = testIo()
  await runCli(args, io)
  const lines = [...io.outLines, ...io.errLines]
  for (const line of lines) assert.doesNotMatch(line, obeyed)
  return lines
}

test('D2: get shows text with escapes, and a part of what is long', async (t) => {
  const values = { a: hostile, b: [hostile], c: { [hostile]: 1 }, d: 'x'.repeat(1_000_000) }
  const features = Object.keys(values)
  const row = { values, states: {}, freshness: {} }
  const url = await answering(t, { features, rows: [row] })
  const lines = await printed('get', 'v', 'user=1', '--url', url)
  assert.match(lines[1]!, /^a +\\u001b\[2J\\u001b\]0;x\\u0007\\u009b31m\\u202eabc\\u2028def/)
  assert.equal(lines.length, features.length + 2)
  assert.ok(lines[4]!.length < 5000, String(lines[4]!.length))
  const [json] = await printed('get', 'v', 'user=1', '--json', '--url', url)
  assert.deepEqual(JSON.parse(json!), { features, rows: [row] })
})

test('D2: what the ledger tells of a producer is shown with escapes', async (t) => {
  const daemon = await startDaemon(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'hostile')
  peer.publish(hostile, 0, [{ a: 1 }])
  peer.publish('orders', 1, [{ [hostile]: 1 }])
  await peer.acked(1)
  const lines = await printed('ledger', 'list', '--url', daemon.url)
  assert.ok(
    lines.some((line) => line.includes('\\u001b[2J')),
    lines.join('\n'),
  )
  const [json] = await printed('ledger', 'list', '--json', '--url', daemon.url)
  const { entries } = JSON.parse(json!) as { entries: { source: string }[] }
  assert.equal(entries[0]!.source, hostile)
  await printed('ledger', 'list', '--source', hostile, '--url', daemon.url)
  await printed('ledger', 'replay', '--url', daemon.url)
})

test('D2: arguments and errors are shown with escapes', async () => {
  const { message } = new MillraceError('SOURCE_UNKNOWN', { source: hostile })
  assert.doesNotMatch(message, obeyed)
  for (const args of [[hostile], ['get', hostile], ['check', hostile], ['ledger', hostile]]) {
    const lines = await printed(...args)
    assert.ok(lines.length > 0)
  }
})

test('M18: a line of the log holds nothing that a terminal obeys', async (t) => {
  const features = `${root}/test/fixtures/orders.ts`
  const flags = ['--log-level', 'info']
  const served = new Served({ features, dataDir: await temporaryDir(t), port: 0, flags })
  t.after(() => served.kill())
  const url = await served.url
  await assert.rejects(RawPeer.open(t, url, hostile), { message: '4400' })
  const { peer } = await RawPeer.open(t, url, 'p')
  peer.send(99, hostile)
  assert.equal(await peer.closed, 4400)
  const { said } = await served.kill('SIGTERM')
  const lines = said.trimEnd().split('\n')
  assert.ok(
    lines.some((line) => line.includes('FRAME_INVALID')),
    said,
  )
  for (const line of lines) {
    assert.doesNotMatch(line, obeyed)
    if (line.startsWith('{')) JSON.parse(line)
  }
})
