import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientOptions,
  daemonOptions,
  givenOptions,
  resolveOptions,
} from '../../src/base/config.ts'
import { parseSize } from '../../src/base/option.ts'

function resolved(
  given: Readonly<Record<string, string | number | undefined>>,
  environment: Readonly<Record<string, string | undefined>> = {},
) {
  return resolveOptions(daemonOptions, given, environment)
}

test('what is given goes before the environment, and that before the default', () => {
  assert.equal(resolved({}).port, 4800)
  assert.equal(resolved({}, { MILLRACE_PORT: '8000' }).port, 8000)
  assert.equal(resolved({ port: '9000' }, { MILLRACE_PORT: '8000' }).port, 9000)
  assert.equal(resolved({ port: 0 }, { MILLRACE_PORT: '8000' }).port, 0)
  assert.equal(resolved({ port: undefined }, { MILLRACE_PORT: '8000' }).port, 8000)
})

test('options that are left to their defaults are told from those that are given', () => {
  const environment = { MILLRACE_PORT: '4800', MILLRACE_HOST: '' }
  const given = givenOptions(daemonOptions, { shards: '16', threads: undefined }, environment)
  assert.deepEqual([...given], ['port', 'shards'])
})

test('an empty variable counts as unset, and other variables do not matter', () => {
  const environment = { MILLRACE_PORT: '', PATH: 'x', MILLRACEPORT: '1' }
  assert.equal(resolved({}, environment).port, 4800)
})

test('every option has its type after defaults', () => {
  const { threads, ...options } = resolved({}, {})
  assert.ok(Number.isInteger(threads) && threads >= 1)
  assert.deepEqual(options, {
    dataDir: './data',
    port: 4800,
    host: '127.0.0.1',
    allowedOrigins: [],
    tlsCert: null,
    tlsKey: null,
    shards: 16,
    stateBytesMax: 536_870_912,
    checkpointMs: 10_000,
    retainBytesMax: 8_589_934_592,
    retainMsMax: 604_800_000,
    ledgerBytesMax: 268_435_456,
    ledgerMsMax: 2_592_000_000,
    offlineMs: 300_000,
    offlineBytesMax: Infinity,
    offlineMsMax: Infinity,
    verifyMs: 0,
    producersMax: 100_000,
    producerMsMax: 604_800_000,
    logLevel: 'info',
  })
})

test('a program gives a time as its number of milliseconds', () => {
  assert.equal(resolved({ checkpointMs: 250 }).checkpointMs, 250)
  assert.equal(resolved({ checkpointMs: '1m' }).checkpointMs, 60_000)
  assert.throws(() => resolved({ checkpointMs: 0 }), { code: 'CONFIG_INVALID' })
})

test('flags and variables are each used once', () => {
  const rows = [...Object.values(daemonOptions), ...Object.values(clientOptions)]
  assert.equal(new Set(rows.map(({ flag }) => flag)).size, rows.length)
  assert.equal(new Set(rows.map(({ variable }) => variable)).size, rows.length)
})

test('a value that cannot be is refused where it stands', () => {
  const cases: [Record<string, string>, Record<string, string>, RegExp][] = [
    [{ port: '65536' }, {}, /^--port: "65536" is not a whole number from 0 to 65535$/],
    [{ port: '1.5' }, {}, /^--port/],
    [{ allowedOrigins: 'shop.example' }, {}, /^--allow-origin: "shop.example" is not an origin/],
    [{ allowedOrigins: 'https://a.example,https://b.example/' }, {}, /"https:\/\/b.example\/" is/],
    [{ port: '' }, {}, /^--port/],
    [{ port: '0x10' }, {}, /^--port/],
    [{}, { MILLRACE_SHARDS: '65' }, /^MILLRACE_SHARDS: "65" .* 1 to 64$/],
    [{ dataDir: ' ' }, {}, /^--data: is empty$/],
    [{ stateBytesMax: 'lots' }, {}, /^--memory: "lots" is not a size/],
    [{ retainMsMax: '7' }, {}, /^--journal-age: "7" is not a duration/],
    [{ logLevel: 'loud' }, {}, /^--log-level: "loud" is not one of trace, /],
  ]
  for (const [given, environment, message] of cases) {
    assert.throws(() => resolved(given, environment), { code: 'CONFIG_INVALID', message })
  }
})

test('an unknown option and an unknown variable are refused', () => {
  assert.throws(() => resolved({ prot: 1 }), /^MillraceError: prot: no such option$/)
  assert.throws(() => resolved({}, { MILLRACE_PROT: '1' }), /MILLRACE_PROT: no such variable/)
  assert.equal(resolved({}, { MILLRACE_URL: 'http://a' }).port, 4800)
})

test('all problems come at once', () => {
  assert.throws(() => resolved({ port: 'a', host: '', extra: 1 }, { MILLRACE_X: '1' }), {
    code: 'CONFIG_INVALID',
    message: [
      '4 problems',
      '  extra: no such option',
      '  MILLRACE_X: no such variable',
      '  --port: "a" is not a whole number from 0 to 65535',
      '  --host: is empty',
    ].join('\n'),
  })
})

test('sizes are bytes, decimal or binary', () => {
  const sizes: [string | number, number][] = [
    [1024, 1024],
    ['1048576', 1_048_576],
    ['0', 0],
    ['10B', 10],
    ['512MiB', 536_870_912],
    ['2GB', 2_000_000_000],
    ['1.5 GiB', 1_610_612_736],
    ['1kib', 1024],
    ['1TiB', 1_099_511_627_776],
  ]
  for (const [given, value] of sizes) assert.deepEqual(parseSize(given), { value })
  for (const given of ['', '-1', '1 M', '1PiB', 'MiB', '1e9', '99999999999999999999', 'NaN']) {
    assert.ok('refused' in parseSize(given), given)
  }
  assert.deepEqual(parseSize('1KiB', 2048), { refused: '1024 bytes is less than 2048' })
})

test('a URL loses the slashes at its end', () => {
  const url = (given: string) => resolveOptions(clientOptions, { url: given }, {}).url
  assert.equal(url('http://localhost:4800/'), 'http://localhost:4800')
  assert.equal(url('https://host/path//'), 'https://host/path')
  for (const given of ['localhost:4800', 'ws://host', 'host', '']) {
    assert.throws(() => url(given), { code: 'CONFIG_INVALID' })
  }
})
