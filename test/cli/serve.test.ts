import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { closeMsMax, drainEndMsMax } from '../../src/base/limits.ts'
import { serveCommand, type Served, type StartOptions } from '../../src/cli/serve.ts'
import { testIo } from '../helpers/io.ts'
import { openShopServer, type ShopServer } from '../helpers/shop-server.ts'

let server: ShopServer
const directory = mkdtempSync(join(tmpdir(), 'millrace-serve-'))
const features = join(directory, 'shop.ts')
before(async () => {
  writeFileSync(features, '')
  server = await openShopServer()
})
after(async () => {
  rmSync(directory, { recursive: true })
  await server.close()
})

/** A daemon that notes what is asked of it; `drain` waits until it is let go. */
function fakeDaemon() {
  const calls: string[] = []
  const started: StartOptions[] = []
  let letGo = (): void => undefined
  const drained = new Promise<void>((resolve) => (letGo = resolve))
  const daemon: Served = {
    url: server.url,
    http: server.http,
    closed: new Promise(() => undefined),
    drain: () => {
      calls.push('drain')
      return drained
    },
    close: () => {
      calls.push('close')
      return Promise.resolve()
    },
  }
  const start = (options: StartOptions): Promise<Served> => {
    started.push(options)
    return Promise.resolve(daemon)
  }
  return { start, calls, started, letGo: () => letGo() }
}

const quiet = { MILLRACE_LOG_LEVEL: 'silent' }

test('serve passes resolved options on and prints where it is and what it serves', async () => {
  const { start, started, calls, letGo } = fakeDaemon()
  const io = testIo('', { ...quiet, MILLRACE_SHARDS: '4' })
  const printed = io.nextOut()
  const ended = serveCommand(start)([features, '--data', 'd', '--port', '0'], io)
  await printed
  const [{ log: _, threads, ...options }] = started as [StartOptions]
  assert.ok(threads >= 1)
  assert.deepEqual(options, {
    features: features,
    dataDir: resolve('d'),
    port: 0,
    host: '127.0.0.1',
    insecure: false,
    allowedOrigins: [],
    tlsCert: null,
    tlsKey: null,
    shards: 4,
    stateBytesMax: 512 * 1024 * 1024,
    checkpointMs: 10_000,
    retainBytesMax: 8 * 1024 ** 3,
    retainMsMax: 7 * 86_400_000,
    ledgerBytesMax: 256 * 1024 ** 2,
    ledgerMsMax: 30 * 86_400_000,
    offlineMs: 300_000,
    offlineBytesMax: Infinity,
    offlineMsMax: Infinity,
    verifyMs: 0,
    producersMax: 100_000,
    producerMsMax: 7 * 86_400_000,
    dropMissing: false,
  })
  assert.deepEqual(io.outLines[0]!.split('\n'), [
    `Millrace serves ${features}`,
    '',
    `  url       ${server.url}`,
    `  data      ${resolve('d')}`,
    '  sources   purchases (4 fields)',
    '  services  by_user (3 features) by user_id',
    '            by_region (3 features) by user_id, region',
    '            ranking (3 features) by region, user_id',
    '',
    `  echo '{"user_id":1,"region":"r1","amount":1.5,"at":'$(date +%s000)'}'` +
      ` | npx millrace push purchases --url ${server.url}`,
    `  npx millrace get by_user user_id=1 --url ${server.url}`,
    `  curl '${server.url}/v1/features/by_user?user_id=1'`,
    '',
    '  Ctrl-C drains and ends it; what was acknowledged is kept.',
    '',
  ])
  io.signal('SIGTERM')
  letGo()
  assert.equal(await ended, 0)
  assert.deepEqual(calls, ['drain'])
  assert.equal(io.listeners(), 0)
})

test('shards that nobody asked for are left to the store', async () => {
  const { start, started, letGo } = fakeDaemon()
  for (const [args, shards] of [
    [[], undefined],
    [['--shards', '16'], 16],
  ] as const) {
    const io = testIo('', quiet)
    const printed = io.nextOut()
    const ended = serveCommand(start)([features, ...args], io)
    await printed
    assert.equal(started.at(-1)!.shards, shards)
    io.signal('SIGTERM')
    letGo()
    await ended
  }
})

test('the second signal closes at once and exits by its number', async () => {
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const { start, calls } = fakeDaemon()
    const io = testIo('', quiet)
    const printed = io.nextOut()
    const ended = serveCommand(start)([features, '--json'], io)
    await printed
    assert.deepEqual(JSON.parse(io.outLines[0]!), { url: server.url, dataDir: resolve('data') })
    io.signal('SIGTERM')
    io.signal(signal)
    assert.equal(await ended, exitCode)
    assert.deepEqual(calls, ['drain', 'close'])
    assert.match(io.errLines[0]!, /draining/)
  }
})

test('the second signal ends a daemon that does not close, after a bound', async () => {
  const { start } = fakeDaemon()
  const hanging = async (options: StartOptions): Promise<Served> => ({
    ...(await start(options)),
    close: () => new Promise(() => undefined),
  })
  const timers: { delayMs: number; run: () => void }[] = []
  const after = (delayMs: number, run: () => void) => {
    timers.push({ delayMs, run })
    return () => undefined
  }
  const io = testIo('', quiet)
  const printed = io.nextOut()
  const ended = serveCommand(hanging, after)([features], io)
  await printed
  io.signal('SIGINT')
  io.signal('SIGTERM')
  assert.deepEqual(
    timers.map(({ delayMs }) => delayMs),
    [drainEndMsMax, closeMsMax],
  )
  timers[1]!.run()
  assert.equal(await ended, 143)
  assert.match(io.errLines.at(-1)!, /ending regardless/)
})

test('a features file that does not exist is refused before the daemon is started', async () => {
  const { start, started } = fakeDaemon()
  await assert.rejects(serveCommand(start)([join(directory, 'missing.ts')], testIo('', quiet)), {
    code: 'DEFINITION_LOAD',
  })
  assert.deepEqual(started, [])
})

test('a daemon that does not start, or fails to drain, fails the command', async () => {
  const locked = new MillraceError('STORE_LOCKED', { pid: 7 })
  const io = testIo('', quiet)
  await assert.rejects(serveCommand(() => Promise.reject(locked))([features], io), locked)
  const drain = (): Promise<void> => Promise.reject(locked)
  const drained = new Promise<void>(() => undefined)
  const { url, http } = server
  const start = () => Promise.resolve({ url, http, closed: drained, drain, close: drain })
  const printed = io.nextOut()
  const ended = serveCommand(start)([features], io)
  await printed
  io.signal('SIGINT')
  await assert.rejects(ended, locked)
})

test('a daemon that fails while it serves ends the command with its error', async () => {
  const failure = new MillraceError('JOURNAL_WRITE', { reason: 'disk is gone' })
  let failNow!: (reason: unknown) => void
  const closed = new Promise<void>((_, reject) => (failNow = reject))
  const { start } = fakeDaemon()
  const io = testIo('', quiet)
  const printed = io.nextOut()
  const ended = serveCommand(async (options) => ({ ...(await start(options)), closed }))(
    [features],
    io,
  )
  await printed
  failNow(failure)
  await assert.rejects(ended, failure)
  assert.equal(io.listeners(), 0)
})

test('a daemon that fails and cannot let go of what hangs has to be killed', async () => {
  const failure = new MillraceError('STALLED', { what: 'the journal', ms: 10_000 })
  let failNow!: (reason: unknown) => void
  const closed = new Promise<void>((_, reject) => (failNow = reject))
  const { start } = fakeDaemon()
  const close = (): Promise<void> => new Promise(() => undefined)
  const timers: (() => void)[] = []
  const after = (delayMs: number, run: () => void) => {
    assert.equal(delayMs, closeMsMax)
    timers.push(run)
    return () => undefined
  }
  const io = testIo('', quiet)
  const printed = io.nextOut()
  const hanging = async (options: StartOptions): Promise<Served> => ({
    ...(await start(options)),
    closed,
    close,
  })
  const ended = serveCommand(hanging, after)([features], io)
  await printed
  failNow(failure)
  await closed.catch(() => {})
  timers[0]!()
  assert.equal(await ended, 137)
  assert.deepEqual(io.errLines, [
    'millrace: the journal has not moved for 10000 ms',
    `millrace: something still hangs after ${closeMsMax} ms; ending by SIGKILL`,
  ])
})

test('a drain that does not end is ended, and says so', async () => {
  const { start } = fakeDaemon()
  const timers: { delayMs: number; run: () => void }[] = []
  const after = (delayMs: number, run: () => void) => {
    timers.push({ delayMs, run })
    return () => undefined
  }
  const io = testIo('', quiet)
  const printed = io.nextOut()
  const ended = serveCommand(start, after)([features], io)
  await printed
  io.signal('SIGHUP')
  assert.deepEqual(
    timers.map(({ delayMs }) => delayMs),
    [drainEndMsMax],
  )
  timers[0]!.run()
  assert.equal(await ended, 70)
  assert.match(io.errLines.at(-1)!, /not drained/)
})
