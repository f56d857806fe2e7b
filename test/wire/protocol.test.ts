/**
 * Frames to bytes and back, and bytes that no peer of ours would send.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { MillraceError } from '../../src/base/errors.ts'
import { batchEventsMax, frameNameBytesMax, readKeysMax } from '../../src/base/limits.ts'
import * as protocol from '../../src/wire/protocol.ts'
import { decodeClientFrame, decodeServerFrame, encodePublish } from '../../src/wire/protocol.ts'
import { smallCatalog } from '../helpers/fake-ports.ts'

const sequence = fc.maxSafeNat()
const text = fc.string({ unit: 'binary', maxLength: 40 })
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 })
const producer = fc.string({
  unit: fc.constantFrom('a', 'Z', '0', '-', '_', '/', '.', ':', '~'),
  minLength: 1,
  maxLength: 64,
})
const events = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 40 })

function holds<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => void): void {
  fc.assert(fc.property(arbitrary, check), { seed: 42, numRuns: 200 })
}

function refuses(bytes: Uint8Array, code: string, reason: RegExp): void {
  assert.throws(
    () => decodeClientFrame(bytes),
    (thrown) => {
      assert.ok(thrown instanceof MillraceError)
      assert.equal(thrown.code, code)
      assert.match(thrown.message, reason)
      return true
    },
  )
}

test('PUBLISH round-trips, its payload a view of the same bytes', () => {
  holds(fc.tuple(name, sequence, events), ([source, start, list]) => {
    fc.pre(start + list.length <= Number.MAX_SAFE_INTEGER)
    const bytes = encodePublish(source, start, list)
    const frame = decodeClientFrame(bytes)
    assert.ok(frame?.kind === 'publish')
    assert.deepEqual([frame.source, frame.sequence, frame.count], [source, start, list.length])
    assert.equal(frame.payload.buffer, bytes.buffer)
    assert.deepEqual(Buffer.from(frame.payload), Buffer.from(encode(list)))
  })
})

test('PUBLISH is the bytes that any msgpack encoder makes', () => {
  holds(fc.tuple(name, sequence, events), ([source, start, list]) => {
    assert.deepEqual(
      Buffer.from(encodePublish(source, start, list)),
      Buffer.from(
        encode([3, source, start > 0xffffffff ? BigInt(start) : start, list], {
          useBigInt64: true,
        }),
      ),
    )
  })
})

test('PUBLISH takes events and names of every length form', () => {
  const list = [0, 1, 255, 256, 65_535, 65_536].map((size) => new Uint8Array(size))
  for (const length of [1, 31, 32, 255, 256]) {
    const frame = decodeClientFrame(encodePublish('n'.repeat(length), 2 ** 33, list))
    assert.ok(frame?.kind === 'publish')
    assert.deepEqual([frame.source.length, frame.sequence], [length, 2 ** 33])
    assert.deepEqual(Buffer.from(frame.payload), Buffer.from(encode(list)))
  }
  const many = Array.from({ length: batchEventsMax }, () => new Uint8Array(1))
  const frame = decodeClientFrame(encodePublish('s', 0, many))
  assert.equal(frame?.kind === 'publish' && frame.count, batchEventsMax)
})

test('PUBLISH takes heads longer than they need to be', () => {
  const bytes = Buffer.from('dd00000004cc03d90173d300000000000000ffdc0001c40100', 'hex')
  const frame = decodeClientFrame(bytes)
  assert.ok(frame?.kind === 'publish')
  assert.deepEqual([frame.source, frame.sequence, frame.count], ['s', 255, 1])
})

test('a PUBLISH that is not as it must be is refused', () => {
  const bin = new Uint8Array([0x80])
  refuses(encode([3, 's', 0, [bin, { a: 1 }]]), 'FRAME_INVALID', /event 1 .* not a whole bin/)
  refuses(encode([3, 's', 0, ['text']]), 'FRAME_INVALID', /event 0/)
  refuses(encode([3, 's', 0, []]), 'FRAME_INVALID', /at least one event/)
  refuses(encode([3, 's', 0]), 'FRAME_INVALID', /four elements/)
  refuses(encode([3, 's', 0, [bin], 1]), 'FRAME_INVALID', /four elements/)
  refuses(encode([3, 7, 0, [bin]]), 'FRAME_INVALID', /a string is due/)
  refuses(encode([3, 's', 0, bin]), 'FRAME_INVALID', /an array is due/)
  refuses(encode([3, 'n'.repeat(frameNameBytesMax + 1), 0, [bin]]), 'FRAME_INVALID', /longer than/)
  refuses(Buffer.from('9403a2fffe0091c40180', 'hex'), 'FRAME_INVALID', /UTF-8/)
  refuses(Buffer.concat([encode([3, 's', 0, [bin]]), bin]), 'FRAME_INVALID', /bytes follow/)
  for (const wrong of [-1, 1.5, 2 ** 60, 'x', null]) {
    refuses(encode([3, 's', wrong, [bin]]), 'SEQUENCE_RANGE', /2\^53/)
  }
  refuses(encodePublish('s', 2 ** 53 - 1, [bin]), 'SEQUENCE_RANGE', /2\^53/)
  const many = Array.from({ length: batchEventsMax + 1 }, () => bin)
  refuses(encodePublish('s', 0, many), 'BATCH_TOO_LARGE', /10001 events/)
})

test('a PUBLISH cut anywhere is refused', () => {
  const whole = encodePublish('impressions', 70_000, [new Uint8Array(3), new Uint8Array(300)])
  for (let end = 0; end < whole.length; end++) {
    refuses(whole.subarray(0, end), 'FRAME_INVALID', /truncated|not a whole bin/)
  }
})

test('the other frames of a client round-trip', () => {
  const key = fc.dictionary(
    name.filter((one) => one !== '__proto__'),
    fc.oneof(text, fc.boolean(), fc.integer(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
    { maxKeys: 3 },
  )
  holds(fc.tuple(producer, fc.option(sequence), text), ([name, epoch, sdk]) => {
    assert.deepEqual(decodeClientFrame(protocol.encodeHello({ producer: name, epoch, sdk })), {
      kind: 'hello',
      version: 1,
      producer: name,
      epoch,
      sdk,
    })
  })
  holds(fc.tuple(sequence, name, fc.array(key, { maxLength: 5 })), ([id, view, keys]) => {
    const plain = keys.map((one) => ({ ...one }))
    assert.deepEqual(decodeClientFrame(protocol.encodeRead(id, view, plain)), {
      kind: 'read',
      id,
      name: view,
      count: plain.length,
      keys: plain,
      options: {},
      isQuery: false,
    })
    const options = { leadingEdge: 'latest-event', requestData: plain } as const
    const asked = { options, isQuery: true }
    const frame = decodeClientFrame(protocol.encodeRead(id, view, plain, asked))
    const { length: count } = plain
    assert.deepEqual(frame, { kind: 'read', id, name: view, count, keys: plain, ...asked })
    assert.deepEqual(decodeClientFrame(protocol.encodeFlush(id)), { kind: 'flush', token: id })
  })
  assert.deepEqual(decodeClientFrame(protocol.encodeBye()), { kind: 'bye' })
})

test('the frames of a server round-trip', () => {
  const plain = { noNullPrototype: true }
  const rejection = fc.record({ sequence, code: text, path: text, message: text }, plain)
  const credits = fc.record({ events: sequence, bytes: sequence }, plain)
  const ack = fc.record({
    upTo: fc.oneof(sequence, fc.constant(-1)),
    credits: fc.option(credits),
    duplicates: sequence,
    rejections: fc.array(rejection, { maxLength: 5 }),
  })
  holds(ack, (frame) => {
    const same = decodeServerFrame(protocol.encodeAck(frame))
    assert.deepEqual(same, { kind: 'ack', ...frame })
  })
  const nack = fc.record({
    sequence,
    code: text,
    message: text,
    expected: fc.option(sequence),
    retryAfterMs: fc.option(fc.nat()),
  })
  holds(nack, (frame) => {
    assert.deepEqual(decodeServerFrame(protocol.encodeNack(frame)), { kind: 'nack', ...frame })
  })
  holds(fc.tuple(sequence, text, text), ([id, code, message]) => {
    const error = protocol.encodeError(id, code, message)
    assert.deepEqual(decodeServerFrame(error), { kind: 'error', id, code, message })
    const flushed = protocol.encodeFlushed(id)
    assert.deepEqual(decodeServerFrame(flushed), { kind: 'flushed', token: id })
    const goaway = protocol.encodeGoaway(message, 7)
    assert.deepEqual(decodeServerFrame(goaway), { kind: 'goaway', reason: message, deadlineMs: 7 })
  })
})

test('features of every type travel exactly', () => {
  const scalar = (kind: 'Int64' | 'Float64' | 'Bool' | 'Timestamp' | 'String') => ({
    kind,
    nullable: true,
  })
  const types = [
    scalar('Int64'),
    scalar('Float64'),
    scalar('Bool'),
    scalar('Timestamp'),
    { kind: 'Array', element: scalar('Timestamp'), nullable: true },
    { kind: 'Map', value: scalar('Int64'), nullable: true },
    {
      kind: 'Struct',
      fields: [{ name: 'at', type: scalar('Timestamp') }],
      nullable: true,
    },
    scalar('String'),
  ] as const
  const names = types.map(({ kind }) => `v.${kind}`)
  const same = { states: names.map(() => 'present' as const), edgeNs: names.map(() => -1n) }
  const newestNs = names.map((_, i) => (i === 0 ? null : BigInt(i)))
  const values = [
    -(2n ** 63n),
    3,
    true,
    -1n,
    [1n, 2_000_000_000_000_000_000n],
    new Map([['a', 1n]]),
    { at: 7n },
    null,
  ]
  const table = { names, rows: [{ ...same, newestNs, values }] }
  const frame = decodeServerFrame(protocol.encodeFeatures(4, { ...table, types }))
  const plain = values.map((value) => (value instanceof Map ? Object.fromEntries(value) : value))
  const rows = [{ ...same, newestNs, values: plain }]
  assert.deepEqual(frame, { kind: 'features', id: 4, table: { names, rows } })
})

test('fields that are not known are skipped, fields of a wrong type are refused', () => {
  const hello = { v: 1, producer: 'p', epoch: null, later: [1, { a: 2 }] }
  assert.equal(decodeClientFrame(encode([1, hello, 'more']))?.kind, 'hello')
  refuses(encode([1, { ...hello, producer: 5 }]), 'FRAME_INVALID', /producer is not a string/)
  refuses(encode([1, { ...hello, producer: 'p q' }]), 'FRAME_INVALID', /printable ASCII/)
  refuses(encode([1, { ...hello, producer: '' }]), 'FRAME_INVALID', /printable ASCII/)
  refuses(encode([1, { ...hello, producer: 'p'.repeat(65) }]), 'FRAME_INVALID', /64/)
  refuses(encode([1, { ...hello, epoch: -1 }]), 'FRAME_INVALID', /epoch is negative/)
  refuses(encode([1, { ...hello, epoch: 1.5 }]), 'FRAME_INVALID', /epoch is not an integer/)
  refuses(encode([1]), 'FRAME_INVALID', /HELLO is not a map/)
  refuses(encode([7, 'x']), 'FRAME_INVALID', /token/)
  refuses(encode([10, 1, 'view', { user: 1 }]), 'FRAME_INVALID', /an array is due/)
  refuses(encode([10, 1, 'view', [['u1']]]), 'FRAME_INVALID', /key is not a map/)
  refuses(encode([2, {}]), 'FRAME_INVALID', /type 2 is not one that a client sends/)
  refuses(encode([]), 'FRAME_INVALID', /has a type/)
  refuses(encode({ a: 1 }), 'FRAME_INVALID', /an array is due/)
  refuses(new Uint8Array(0), 'FRAME_INVALID', /truncated/)
  assert.equal(decodeClientFrame(encode([200, 1])), null)
  assert.equal(decodeServerFrame(encode([300, 1])), null)
})

test('five bytes do not make a decoder allocate', () => {
  refuses(Buffer.from('9301dd01c9c380', 'hex'), 'FRAME_INVALID', /longer than the bytes/)
  refuses(Buffer.from('9301dfffffffff', 'hex'), 'FRAME_INVALID', /longer than the bytes/)
  refuses(Buffer.from('9301c6ffffffff', 'hex'), 'FRAME_INVALID', /truncated/)
  refuses(
    Buffer.concat([Buffer.from('9201', 'hex'), Buffer.alloc(1e5, 0x91)]),
    'FRAME_INVALID',
    /deep/,
  )
})

test('what a frame holds is bounded before it is decoded', () => {
  const names = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [n, 0]))
  const list = (length: number): unknown[] => Array.from({ length }, () => 0)
  const hello = { v: 1, producer: 'p', epoch: null }
  assert.equal(decodeClientFrame(encode([1, { ...hello, ...names(61) }]))?.kind, 'hello')
  refuses(encode([1, { ...hello, ...names(62) }]), 'FRAME_INVALID', /more than 64 different keys/)
  refuses(encode([1, { ...hello, later: names(100_000) }]), 'FRAME_INVALID', /more than/)
  refuses(encode([7, 1, list(1100)]), 'FRAME_INVALID', /more than 1024 values/)
  refuses(encode([9, list(1100)]), 'FRAME_INVALID', /more than 1024 values/)
  refuses(encode([10, 1, 'view', [names(65)]]), 'FRAME_INVALID', /more than 64 different keys/)
  const others = [names(40), { more: 1, ...names(24) }, { a: 1, b: 2, c: 3 }]
  assert.equal(decodeClientFrame(encode([10, 1, 'view', others]))?.kind, 'read')
  const many = [...others, names(62)]
  refuses(encode([10, 1, 'view', many]), 'FRAME_INVALID', /more than 64 different keys/)
  refuses(encode([10, 1, 'view', [], list(200_000)]), 'FRAME_INVALID', /more than 200000 values/)
  refuses(encode([10, 1.5, 'view', []]), 'FRAME_INVALID', /id is not an integer/)
  refuses(encode([10, 2 ** 60, 'view', []]), 'FRAME_INVALID', /id is not an integer/)
  refuses(encode([10, 1, 'view']), 'FRAME_INVALID', /an id, a name and keys/)
})

test('the keys of a READ are counted before they are decoded', () => {
  const keys = Array.from({ length: readKeysMax }, (_, n) => ({ user_id: n, region: 'eu' }))
  const most = decodeClientFrame(protocol.encodeRead(1, 'view', keys))
  assert.ok(most?.kind === 'read')
  assert.deepEqual([most.count, most.keys.length], [readKeysMax, readKeysMax])
  const asked = { options: {}, isQuery: false }
  const more = { kind: 'read', id: 1, name: 'view', count: readKeysMax + 1, keys: [], ...asked }
  assert.deepEqual(decodeClientFrame(protocol.encodeRead(1, 'view', [...keys, {}])), more)
})

test('mutated frames are understood or refused with a code, and never anything else', () => {
  const features = smallCatalog.views[0]!.features
  const row = { values: [1n, 2n], states: ['present', 'present'], newestNs: [1n, null] } as const
  const table = { names: ['a', 'b'], rows: [{ ...row, edgeNs: [1n, 2n] }] }
  const reject = { sequence: 3, code: 'EVENT_TIME', path: '/at', message: 'no' }
  const frames = [
    encodePublish('impressions', 70_000, [new Uint8Array(3), new Uint8Array(300)]),
    protocol.encodeHello({ producer: 'p', epoch: 3, sdk: 'x' }),
    protocol.encodeRead(1, 'view', [{ user_id: 'u1', n: 2 ** 40 }]),
    protocol.encodeFlush(1),
    protocol.encodeAck({ upTo: 9, credits: null, duplicates: 1, rejections: [reject] }),
    protocol.encodeFeatures(1, { ...table, types: features.map((feature) => feature.type) }),
  ]
  const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) })
  const mutation = fc.record({
    frame: fc.constantFrom(...frames),
    changes: fc.array(change, { maxLength: 4 }),
    cut: fc.nat({ max: 3 }),
    tail: fc.uint8Array({ maxLength: 3 }),
  })
  const known = new Set(['FRAME_INVALID', 'SEQUENCE_RANGE', 'BATCH_TOO_LARGE'])
  const property = fc.property(mutation, ({ frame, changes, cut, tail }) => {
    const bytes = Buffer.concat([frame.subarray(0, frame.length - cut), tail])
    for (const { at, byte } of changes) bytes[at % bytes.length] = byte
    for (const decode of [decodeClientFrame, decodeServerFrame]) {
      try {
        decode(bytes)
      } catch (thrown) {
        assert.ok(thrown instanceof MillraceError && known.has(thrown.code), String(thrown))
      }
    }
  })
  fc.assert(property, { seed: 42, numRuns: 3000 })
})
