/**
 * `docs/reference/protocol.md` against the code: its byte examples are what the encoders make and
 * what the decoders read, its tables of codes and limits are those of the product.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { errorTable, type ErrorCode } from '../../src/base/errors.ts'
import * as limits from '../../src/base/limits.ts'
import { createEncoder, MsgpackTimestamp } from '../../src/model/msgpack.ts'
import * as protocol from '../../src/wire/protocol.ts'
import { root } from '../helpers/repository.ts'

const page = readFileSync(join(root, 'docs/reference/protocol.md'), 'utf8')

/** The byte examples by name: what stands left of two blanks, without its indentation. */
const examples = new Map(
  [...page.matchAll(/^```frame (\S+)\n([^]*?)^```$/gm)].map(([, name, block]) => [
    name!,
    block!
      .split('\n')
      .map((line) => /^((?:[0-9a-f]{2} ?)*)(?: |$)/.exec(line.trim())?.[1]?.trim() ?? 'not hex')
      .filter((bytes) => bytes !== '')
      .join(' '),
  ]),
)

const encoder = createEncoder()
const noon = BigInt(Date.parse('2026-03-01T12:00:00Z')) * 1_000_000n
const good = { user_id: 'u1', timestamp: new MsgpackTimestamp(noon), clicked: 1 }
const bad = { user_id: 'u2', timestamp: new MsgpackTimestamp(noon + 250_000_000n) }
const rejection = {
  sequence: 1,
  code: 'EVENT_FIELD_MISSING',
  path: '/clicked',
  message: errorTable.EVENT_FIELD_MISSING.message,
}
const welcome = {
  server: 'millrace/0.1.0',
  producer: 'web-7',
  epoch: 4,
  isExpired: false,
  lastSequence: -1,
  credits: { events: limits.creditEventsMax, bytes: limits.creditBytesMax },
  limits: {
    frameBytes: limits.frameBytesMax,
    batchEvents: limits.batchEventsMax,
    eventBytes: limits.eventBytesMax,
  },
  heartbeatMs: limits.heartbeatMs,
  sources: ['impressions'],
  services: ['user_clicks'],
}
const nack = {
  sequence: 9,
  code: 'SEQUENCE_GAP',
  message: 'sequence 9 follows 2',
  expected: 2,
  retryAfterMs: null,
}
const row = {
  values: [1n],
  states: ['present'],
  newestNs: [noon],
  edgeNs: [noon + 1_500_000_000n],
} as const
const table = { names: ['clicked_sum_1h'], rows: [row] }
const ack = { credits: null, duplicates: 0, rejections: [] }
const unknown = 'no feature service or view is named "user_click"'

const fromClient: Readonly<Record<string, Uint8Array>> = {
  'hello-new': protocol.encodeHello({ producer: 'web-7', epoch: null, sdk: 'acme/1.0' }),
  'hello-resume': protocol.encodeHello({ producer: 'web-7', epoch: 4 }),
  'hello-reader': protocol.encodeHello({ producer: null, epoch: null }),
  publish: protocol.encodePublish('impressions', 0, [encoder.encode(good), encoder.encode(bad)]),
  flush: protocol.encodeFlush(7),
  bye: protocol.encodeBye(),
  read: protocol.encodeRead(1, 'user_clicks', [{ user_id: 'u1' }]),
}

const fromServer: Readonly<Record<string, Uint8Array>> = {
  welcome: protocol.encodeWelcome(welcome),
  ack: protocol.encodeAck({ ...ack, upTo: 999 }),
  'ack-rejects': protocol.encodeAck({ ...ack, upTo: 1, duplicates: 1, rejections: [rejection] }),
  nack: protocol.encodeNack(nack),
  goaway: protocol.encodeGoaway('the server is shutting down', 10_000),
  flushed: protocol.encodeFlushed(7),
  features: protocol.encodeFeatures(1, { ...table, types: [{ kind: 'Int64', nullable: true }] }),
  error: protocol.encodeError(1, 'FEATURES_UNKNOWN', unknown),
}

/** The rows of the table below a heading, cells trimmed and without backticks. */
function tableBelow(heading: string): string[][] {
  const section = page.slice(page.indexOf(`\n${heading}\n`))
  const [, rows] = /^\|.*\n\| -.*\n((?:\|.*\n)+)/m.exec(section)!
  const lines = rows!.trim().split('\n')
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

test('every frame has an example, and no example is left over', () => {
  assert.deepEqual(
    [...examples.keys()].toSorted(),
    [...Object.keys(fromClient), ...Object.keys(fromServer)].toSorted(),
  )
  const kinds = new Set([...examples.keys()].map((name) => name.replace(/-.*/, '')))
  assert.deepEqual([...kinds].toSorted(), Object.keys(protocol.frameType).toSorted())
})

test('the examples are what the encoders make', () => {
  for (const [name, bytes] of Object.entries({ ...fromClient, ...fromServer })) {
    const hex = Buffer.from(bytes).toString('hex').replaceAll(/../g, '$& ').trim()
    assert.equal(examples.get(name), hex, name)
  }
})

test('the examples are understood by the other side', () => {
  const bytesOf = (name: string): Uint8Array =>
    Buffer.from(examples.get(name)!.replaceAll(' ', ''), 'hex')
  for (const name of Object.keys(fromClient)) {
    assert.equal(protocol.decodeClientFrame(bytesOf(name))?.kind, name.replace(/-.*/, ''))
  }
  for (const name of Object.keys(fromServer)) {
    assert.equal(protocol.decodeServerFrame(bytesOf(name))?.kind, name.replace(/-.*/, ''))
  }
  assert.deepEqual(protocol.decodeServerFrame(bytesOf('welcome')), {
    kind: 'welcome',
    version: 1,
    ...welcome,
  })
  assert.deepEqual(protocol.decodeServerFrame(bytesOf('features')), {
    kind: 'features',
    id: 1,
    table,
  })
})

test('the table of frames has the types of the code', () => {
  const documented = tableBelow('## Frames').map(([type, frame]) => [
    /\[(\w+)\]/.exec(frame!)![1]!.toLowerCase(),
    Number(type),
  ])
  assert.deepEqual(documented, Object.entries(protocol.frameType))
})

test('the table of close codes agrees with the table of errors', () => {
  const documented = tableBelow('## Close codes').flatMap(([close, codes]) =>
    [...codes!.matchAll(/`(\w+)`/g)].map(([, code]) => [code!, Number(close)] as const),
  )
  const known = Object.entries(errorTable)
    // Of faults inside the server only INTERNAL is told.
    .filter(
      ([code, { close, domain }]) =>
        close !== null && (domain !== 'internal' || code === 'INTERNAL'),
    )
    .map(([code, { close }]) => [code, close] as const)
  assert.deepEqual(new Map(documented), new Map(known))
})

test('a close code after which the client reconnects is of an error that may be retried', () => {
  for (const [, codes, , action] of tableBelow('## Close codes')) {
    for (const [, code] of codes!.matchAll(/`(\w+)`/g)) {
      const { retry } = errorTable[code as ErrorCode]
      assert.equal(action, retry === 'never' ? 'stops' : 'reconnects and resumes', code)
    }
  }
})

test('the table of rejections has every code that rejects an event', () => {
  const documented = tableBelow('### Rejections').map(([code]) => code!.replaceAll('`', ''))
  const codes = Object.keys(errorTable).filter((code) => code.startsWith('EVENT_'))
  // The client raises EVENT_ENCODE before anything is sent.
  const events = codes.filter((code) => code !== 'EVENT_ENCODE')
  assert.deepEqual(
    documented.toSorted(),
    [...events, 'POST_PROCESSOR_FAILED', 'TRANSFORM_FAILED', 'SOURCE_UNKNOWN'].toSorted(),
  )
})

test('every rule of delivery has a test, and no hard case is left out', () => {
  const rules = tableBelow('## Rules')
  assert.ok(rules.length > 30)
  for (const [rule, , file, name] of rules) {
    const text = readFileSync(join(root, `test/${file!.replaceAll('`', '')}.test.ts`), 'utf8')
    assert.ok(text.includes(`'${name!}'`), `${rule!}: no test is named "${name!}"`)
  }
  const names = rules.map(([, , , name]) => name!)
  const cases = readFileSync(join(root, 'test/e2e/hard-cases.test.ts'), 'utf8')
  const hard = [...cases.matchAll(/name: '(P\d+: .*)',/g)].map(([, name]) => name!)
  assert.ok(hard.length > 10)
  for (const name of hard) assert.ok(names.includes(name), name)
})

test('the table of refusals has the status of each code', () => {
  for (const [status, code] of tableBelow('## Connecting')) {
    assert.equal(errorTable[code!.replaceAll('`', '') as ErrorCode].http, Number(status))
  }
})

test('limits are told as they are', () => {
  const told: [number, RegExp][] = [
    [limits.frameBytesMax / 2 ** 20, /`limits.frameBytes` long \((\d+) MiB\)/],
    [limits.frameDepthMax, /than PUBLISH nests\s+at most (\d+) deep/],
    [limits.frameNodesMax, /holds at most (\d+) values/],
    [limits.readNodesMax / 1000, /\((\d+),000 in a READ\)/],
    [limits.frameKeysMax, /its maps have at most (\d+) different keys/],
    [limits.frameFragmentsMax, /into at most (\d+) fragments/],
    [limits.helloTimeoutMs / 1000, /within (\d+) seconds after the upgrade/],
    [limits.producerNameLengthMax, /1 to (\d+) printable ASCII/],
    [limits.frameNameBytesMax, /push source, at most (\d+) bytes/],
    [limits.batchEventsMax / 1000, /`limits.batchEvents` \((\d+),000\) events/],
    [limits.eventBytesMax / 1024, /`limits.eventBytes` \((\d+) KiB\)/],
    [limits.eventDepthMax, /nest (\d+) deep \(its own map counted\)/],
    [limits.eventNodesMax, /and hold (\d+) values/],
    [limits.ackRejectionsMax, /more than (\d+), several ACKs/],
    [limits.sessionFlushesMax, /At most (\d+) FLUSHes/],
    [limits.sessionReadsMax, /up to (\d+) READs/],
    [limits.readKeysMax / 1000, /up to (\d+),000 keys/],
    [limits.sessionReadKeysMax / 1000, /more than (\d+),000 keys/],
    [limits.messageTimeoutMs / 1000, /whole within (\d+) seconds/],
    [limits.sendBufferBytesMax / 1024 / 1024, /more than (\d+) MiB wait/],
    [limits.rejectionsKeptMax / 1000, /newest (\d+),000 of a producer's epoch/],
    [limits.rejectionsKeptTotalMax / 1000, /newest (\d+),000 of all producers/],
    [limits.keyBytesMax, /together may take at most (\d+) bytes/],
    [limits.futureMsMax / 60_000, /more than (\d+) minutes ahead/],
  ]
  for (const [value, pattern] of told) {
    assert.equal(Number(pattern.exec(page)?.[1]), value, String(pattern))
  }
  assert.equal(limits.sequenceGapsMax, 3)
  assert.equal(limits.silentLooksMax / limits.looksPerHeartbeat, 2 + 1 / 3)
  assert.match(page, new RegExp(`GET ${protocol.streamPath} HTTP`))
})
