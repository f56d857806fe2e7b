import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBytes } from '../../src/base/hash.ts'
import { answerBytesMax, readKeysMax } from '../../src/base/limits.ts'
import type { ReadPort } from '../../src/model/contracts.ts'
import { encodeKey } from '../../src/model/key.ts'
import type { ReadQuery, ReadResult } from '../../src/model/message.ts'
import { shardOf } from '../../src/model/partition.ts'
import { createReader } from '../../src/serve/reader.ts'
import { shopCatalog } from '../helpers/shop-catalog.ts'
import { onlyReads } from '../helpers/fake-ports.ts'

const seed = { k0: 1, k1: 2 }
const shards = 8

const present: ReadResult = {
  entity: 'present',
  newestNs: 5_000_000_001n,
  edgeNs: 9_000_000_000n,
  values: [3n, 1.5, 7n],
  hasEvents: [true, true, true],
}

/** A reader whose shards answer with `answer`, and the queries that they were asked. */
function readerOf(answer: (query: ReadQuery) => ReadResult = () => present): {
  reader: ReadPort
  asked: ReadQuery[]
} {
  const asked: ReadQuery[] = []
  const reader = createReader({
    ...onlyReads,
    catalog: shopCatalog,
    shards,
    seed,
    readShards: (queries) => {
      asked.push(...queries)
      return Promise.resolve(queries.map(answer))
    },
    nowMs: () => 1000,
    watermarkOf: (view) => ({ ms: 100 + view, ns: 7 }),
  })
  return { reader, asked }
}

test('a read asks once per key and view, with the key where it was routed', async () => {
  const { reader, asked } = readerOf()
  await reader.read('ranking', [
    { user_id: 1, region: 'eu' },
    { user_id: 2n, region: 'us' },
  ])
  assert.deepEqual(
    asked.map(({ about: { view, features } }) => ({ view, features })),
    [
      { view: 1, features: [1, 0] },
      { view: 0, features: [2] },
      { view: 1, features: [1, 0] },
      { view: 0, features: [2] },
    ],
  )
  const key = encodeKey(shopCatalog.views[1]!.joinKeys, { user_id: 2n, region: 'us' })
  assert.ok(key instanceof Uint8Array)
  const keyHash = hashBytes(key, 0, key.length, seed)
  assert.deepEqual(asked[2], {
    about: {
      view: 1,
      features: [1, 0],
      leadingEdge: 'wall-clock',
      edgeMs: 1000,
      watermarkMs: 101,
      watermarkNs: 7,
    },
    shard: shardOf(keyHash, shards),
    keyHash,
    key,
  })
})

test('values come in the order of the service, whatever view they are from', async () => {
  const { reader } = readerOf(({ about }) =>
    about.view === 1
      ? { ...present, values: [1.5, 3n], newestNs: 1n, edgeNs: 10n }
      : { ...present, values: [99n], newestNs: 2n, edgeNs: 20n },
  )
  assert.deepEqual(await reader.read('ranking', [{ user_id: '12', region: 'eu' }]), {
    names: ['by_region.mean_1h', 'by_user.last_at_1h', 'by_region.count_1h'],
    types: ['Float64', 'Timestamp', 'Int64'].map((kind) => ({ kind, nullable: true })),
    rows: [
      {
        values: [1.5, 99n, 3n],
        states: ['present', 'present', 'present'],
        newestNs: [1n, 2n, 1n],
        edgeNs: [10n, 20n, 10n],
      },
    ],
  })
})

test('the wire forms of a key are one key', async () => {
  const { reader, asked } = readerOf()
  await reader.read('by_user', [{ user_id: 42 }, { user_id: 42n }, { user_id: '42' }])
  assert.deepEqual(asked[1], asked[0])
  assert.deepEqual(asked[2], asked[0])
})

test('a value that is there is "present", and null for a reason that the state names', async () => {
  const { reader } = readerOf(() => ({
    ...present,
    values: [0n, null, null],
    hasEvents: [true, true, false],
  }))
  const { rows } = await reader.read('by_user', [{ user_id: 1 }])
  assert.deepEqual(rows[0]!.states, ['present', 'null', 'empty'])
  assert.deepEqual(rows[0]!.values, [0n, null, null])
})

test('a value beyond the range of its type is null, and its state is not "null"', async () => {
  const { reader } = readerOf(() => ({ ...present, values: [undefined, null, 1n] }))
  const { rows } = await reader.read('by_user', [{ user_id: 1 }])
  assert.deepEqual(rows[0]!.states, ['overflow', 'null', 'present'])
  assert.deepEqual(rows[0]!.values, [null, null, 1n])
})

test('a count over an empty window is null, not 0', async () => {
  const { reader } = readerOf(() => ({
    ...present,
    values: [0n, null, null],
    hasEvents: [false, false, false],
  }))
  const { rows } = await reader.read('by_user', [{ user_id: 1 }])
  assert.deepEqual(rows[0]!.states, ['empty', 'empty', 'empty'])
  assert.deepEqual(rows[0]!.values, [null, null, null])
})

test('an entity that is unseen or expired says so for each feature', async () => {
  for (const entity of ['unseen', 'expired'] as const) {
    const { reader } = readerOf(() => ({ ...present, entity, newestNs: null }))
    const { rows } = await reader.read('by_user', [{ user_id: 1 }])
    assert.deepEqual(rows[0]!.states, [entity, entity, entity])
    assert.deepEqual(rows[0]!.values, [null, null, null])
    assert.deepEqual(rows[0]!.newestNs, [null, null, null])
  }
})

test('a read of no keys is an empty table', async () => {
  const { reader, asked } = readerOf()
  assert.deepEqual((await reader.read('by_user', [])).rows, [])
  assert.deepEqual(asked, [])
})

test('a name that is no service and no view is refused', async () => {
  const { reader } = readerOf()
  for (const name of ['nothing', '__proto__', 'constructor', '']) {
    await assert.rejects(reader.read(name, []), { code: 'FEATURES_UNKNOWN' })
  }
})

test('a view that is not online is refused', async () => {
  const { reader } = readerOf()
  await assert.rejects(reader.read('history', [{ user_id: 1 }]), {
    code: 'VIEW_NOT_ONLINE',
    details: { view: 'history' },
  })
})

test('a bad key fails the read with its name, its reason and its row', async () => {
  const { reader, asked } = readerOf()
  const cases: [Record<string, unknown>, string][] = [
    [{}, 'join key "user_id": missing'],
    [{ user_id: null }, 'join key "user_id": expected Int64, got null'],
    [{ user_id: true }, 'join key "user_id": expected Int64, got'],
    [{ user_id: 2 ** 63 }, 'join key "user_id": value is outside the range of Int64'],
    [
      { user_id: 2 ** 53 },
      'join key "user_id": value is outside the range of numbers that are exact',
    ],
    [
      { user_id: 1, extra: 2 },
      'join key "extra": not a join key of this read, which takes user_id',
    ],
  ]
  for (const [key, message] of cases) {
    await assert.rejects(reader.read('by_user', [key]), (error: Error & { code: string }) => {
      assert.equal(error.code, 'KEY_INVALID')
      assert.ok(error.message.startsWith(message), error.message)
      assert.ok(!error.message.includes('keys['), error.message)
      return true
    })
    await assert.rejects(reader.read('by_user', [{ user_id: 1 }, key]), /\(in keys\[1\]\)$/)
  }
  assert.deepEqual(asked, [])
})

test('an empty, an overlong and an ill-formed text are no keys', async () => {
  const { reader } = readerOf()
  for (const region of ['', 'x'.repeat(2000), '\ud800']) {
    await assert.rejects(reader.read('ranking', [{ user_id: 1, region }]), { code: 'KEY_INVALID' })
  }
})

test('of a key with a null nobody is asked, and the views without it answer', async () => {
  const { reader, asked } = readerOf()
  const keys = [
    { user_id: 1, region: null },
    { user_id: null, region: 'eu' },
    { user_id: 2, region: 'eu' },
  ]
  await assert.rejects(reader.read('ranking', keys), { code: 'KEY_INVALID' })
  assert.equal(asked.length, 0)
  const options = { takesNullKeys: true, leadingEdge: 'latest-event' } as const
  const { rows } = await reader.read('ranking', keys, options)
  assert.deepEqual(
    asked.map(({ about }) => about.view),
    [0, 1, 0],
  )
  // Two features of the view by user and region stand about the one of the view by user.
  assert.deepEqual(
    rows.map(({ states }) => states),
    [
      ['unseen', 'present', 'unseen'],
      ['unseen', 'unseen', 'unseen'],
      ['present', 'present', 'present'],
    ],
  )
  assert.deepEqual(rows[0]!.newestNs, [null, 5_000_000_001n, null])
  assert.deepEqual(rows[0]!.edgeNs, [101_000_007n, 9_000_000_000n, 101_000_007n])
  const missing = reader.read('by_user', [{}], options)
  await assert.rejects(missing, {
    code: 'KEY_INVALID',
    details: { key: 'user_id', reason: 'missing' },
  })
})

test('windows that end at the latest event may end later, up to the clock', async () => {
  const { reader, asked } = readerOf()
  const key = { user_id: 1, region: 'eu' }
  const read = async (watermarkNs: bigint, leadingEdge: 'latest-event' | 'wall-clock') => {
    await reader.read('ranking', [key], { watermarkNs, leadingEdge })
    return asked.splice(0).map(({ about: { watermarkMs, watermarkNs: ns } }) => [watermarkMs, ns])
  }
  assert.deepEqual(await read(101_000_008n, 'latest-event'), [
    [101, 8],
    [101, 8],
  ])
  assert.deepEqual(await read(1_000_000_000n, 'latest-event'), [
    [1000, 0],
    [1000, 0],
  ])
  for (const [ns, reason] of [
    [1_000_000_001n, /ahead of the clock/],
    [101_000_006n, /before the newest event that view "by_region" has counted/],
  ] as const) {
    await assert.rejects(read(ns, 'latest-event'), { code: 'REQUEST_INVALID', message: reason })
    assert.deepEqual(await read(ns, 'wall-clock'), [
      [101, 7],
      [100, 7],
    ])
  }
})

test('an inherited property is no join key', async () => {
  const { reader } = readerOf()
  const inherited = Object.create({ user_id: 1 }) as Record<string, unknown>
  await assert.rejects(reader.read('by_user', [inherited]), /"user_id": missing/)
})

test('more keys than one read may have are refused', async () => {
  const { reader } = readerOf()
  const keys = Array.from({ length: readKeysMax + 1 }, () => ({ user_id: 1 }))
  await assert.rejects(reader.read('by_user', keys), { code: 'TOO_MANY_KEYS' })
})

test('what the shards fail with, the read fails with', async () => {
  const { reader } = readerOf(() => {
    throw new Error('lane is gone')
  })
  await assert.rejects(reader.read('by_user', [{ user_id: 1 }]), /lane is gone/)
})

test('a read whose values come to too much is refused', async () => {
  const text = 'x'.repeat(answerBytesMax / 4)
  const { reader } = readerOf(({ about }) =>
    about.view === 0 ? { ...present, values: [text, text, 1n] } : present,
  )
  const keys = [{ user_id: 1 }, { user_id: 2 }]
  const { rows } = await reader.read('by_user', keys.slice(1))
  assert.equal(rows[0]!.values[1], text)
  await assert.rejects(reader.read('by_user', keys), { code: 'ANSWER_TOO_LARGE' })
})
