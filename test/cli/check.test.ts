import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { checkCommand } from '../../src/cli/check.ts'
import type { Catalog, Feature, View } from '../../src/model/catalog.ts'
import type { Field } from '../../src/model/types.ts'
import { testIo } from '../helpers/io.ts'
import { shopCatalog } from '../helpers/shop-catalog.ts'

test('check prints sources, views and services', async () => {
  const io = testIo()
  const files: string[] = []
  const load = (file: string): Promise<Catalog> => {
    files.push(file)
    return Promise.resolve(shopCatalog)
  }
  assert.equal(await checkCommand(load)(['shop.ts'], io), 0)
  assert.deepEqual(files, [resolve('shop.ts')])
  assert.deepEqual(io.outLines.slice(0, 6), [
    'source purchases, dedupe by sequence',
    '  user_id  Int64',
    '  region   String',
    '  amount   Float64?',
    '  at       Timestamp  event time',
    'view by_user of purchases by user_id, wall-clock, sawtooth',
  ])
  assert.ok(io.outLines.includes('  count_1h    Int64?      count(amount) over 1h'))
  assert.ok(
    io.outLines.includes(
      'view history of purchases by user_id, wall-clock, interval, tiles of 1m, not online',
    ),
  )
  assert.equal(io.outLines.at(-1), 'no problem in 1 sources, 3 views, 1 services')
})

test('check prints what is pushed into a source with a post-processor', async () => {
  const io = testIo()
  const [source] = shopCatalog.sources
  const fields: Field[] = [
    { name: 'user_id', type: { kind: 'Int64', nullable: false } },
    { name: 'ms', type: { kind: 'Int64', nullable: true } },
  ]
  const input = { fields, schema: source!.schema, postProcessor: () => null }
  const catalog = { ...shopCatalog, sources: [{ ...source!, input }] }
  await checkCommand(() => Promise.resolve(catalog))(['shop.ts'], io)
  assert.deepEqual(io.outLines.slice(3, 9), [
    '  amount   Float64?',
    '  at       Timestamp  event time',
    '  made by its postProcessor of',
    '    user_id  Int64',
    '    ms       Int64?',
    'view by_user of purchases by user_id, wall-clock, sawtooth',
  ])
})

test('check prints what makes an event a duplicate, and how a view keeps its rows', async () => {
  const [source] = shopCatalog.sources
  const [view] = shopCatalog.views
  const field: Field = { name: 'order', type: { kind: 'String', nullable: false } }
  const sources = [
    { ...source!, dedupe: { by: 'event-id' as const, field, horizonMs: 5_400_000 } },
    { ...source!, name: 'corrections', dedupe: { by: 'event-time' as const } },
  ]
  const attribute: Feature = {
    kind: 'attribute',
    name: 'amount',
    column: 'amount',
    type: { kind: 'Float64', nullable: true },
  }
  const views: View[] = [
    { ...view!, mode: 'continuous', secondaryKey: 'region', transform: () => null },
    { ...view!, name: 'latest', features: [attribute], ttlMs: 3_600_000 },
  ]
  const io = testIo()
  await checkCommand(() => Promise.resolve({ ...shopCatalog, sources, views }))(['shop.ts'], io)
  const heads = io.outLines.filter((line) => /^(?:source|view) /.test(line))
  assert.deepEqual(heads, [
    'source purchases, dedupe by event-id order within 1h30m',
    'source corrections, dedupe by event-time',
    'view by_user of purchases by user_id, wall-clock, continuous, apart by region, ' +
      'of the rows of a transform',
    'view latest of purchases by user_id, wall-clock, for 1h',
  ])
})

test('what loading fails with, check fails with', async () => {
  const invalid = new MillraceError('DEFINITION_INVALID', { path: 'view a', reason: 'no' })
  const run = checkCommand(() => Promise.reject(invalid))
  await assert.rejects(run(['shop.ts'], testIo()), invalid)
})
