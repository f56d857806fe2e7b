import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Catalog } from '../../src/model/catalog.ts'
import { rejection } from '../../src/model/rejection.ts'
import { Unrecorded } from '../../src/shard/unrecorded.ts'

/** Routes with one view each, in the order of the names. */
function catalogOf(...names: string[]): Catalog {
  const views = names.map((name, index) => ({ name, index, route: index }))
  return { views, routes: names.map((_, index) => ({ index, views: [index] })) } as never
}

const rejected = (position: number, route = 0) => ({
  position,
  route,
  rejections: [rejection(1, 'EVENT_TIME', '/at')],
})

test('a replay begins before the first batch that may not be recorded', () => {
  const unrecorded = new Unrecorded(catalogOf('a'))
  assert.equal(unrecorded.from(100), 100)
  unrecorded.add(rejected(40))
  unrecorded.add(rejected(60))
  assert.equal(unrecorded.from(100), 39)
  unrecorded.recordedTo({ upTo: 40, refusedFrom: Infinity })
  assert.equal(unrecorded.from(100), 59)
  unrecorded.recordedTo({ upTo: 40, refusedFrom: 50 })
  assert.equal(unrecorded.from(100), 49)
  unrecorded.recordedTo({ upTo: 60, refusedFrom: 200 })
  assert.equal(unrecorded.from(100), 100)
})

test('what was not recorded comes back from a checkpoint, on the route of its view', () => {
  const before = new Unrecorded(catalogOf('a', 'b'))
  before.recordedTo({ upTo: 10, refusedFrom: 30 })
  const partly = [{ index: 2, code: 'EVENT_TOO_LATE' as const, path: '/at', views: ['b'] }]
  before.add({ ...rejected(20, 1), partly })
  before.add(rejected(40, 0))
  const after = new Unrecorded(catalogOf('new', 'b'))
  after.restore(structuredClone(before.toStored()))
  assert.equal(after.upTo, 10)
  assert.equal(after.from(100), 19)
  assert.deepEqual(after.rejected, [{ ...rejected(20, 1), partly }, rejected(40, -1)])
})
