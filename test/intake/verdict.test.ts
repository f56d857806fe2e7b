import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge, noWays, type Said, type Ways } from '../../src/intake/verdict.ts'
import { rejection } from '../../src/model/rejection.ts'

/** Two routes that keep state, the first with two views, and one that does not. */
const ways: Ways = {
  stateful: [4, 5],
  views: new Map([
    [4, ['a', 'b']],
    [5, ['c']],
    [6, ['archive']],
  ]),
  isOffline: false,
}

const late = (route: number): Said => ({
  route,
  rejection: rejection(3, 'EVENT_TOO_LATE', '/at', { views: `those of ${route}` }),
  partly: null,
})
const wrong = (route: number): Said => ({
  route,
  rejection: rejection(3, 'TRANSFORM_FAILED', '', { view: 'x', reason: 'y' }),
  partly: null,
})
const partly = (route: number, ...views: string[]): Said => ({
  route,
  rejection: null,
  partly: { index: 3, code: 'EVENT_TOO_LATE', path: '/at', views },
})

function verdict(...said: Said[]): string {
  const { index, code, views, isAccepted } = judge(3, said, ways)
  assert.equal(index, 3)
  return [code, isAccepted ? 'accepted' : 'rejected', ...views].join(' ')
}

test('what is too late on every way that keeps state is rejected', () => {
  assert.equal(verdict(late(4), late(5)), 'EVENT_TOO_LATE rejected')
})

test('what is too late on some ways is accepted, and names the views without it', () => {
  assert.equal(verdict(late(4)), 'EVENT_TOO_LATE accepted a b')
  assert.equal(verdict(partly(4, 'b')), 'EVENT_TOO_LATE accepted b')
  assert.equal(verdict(partly(4, 'a'), late(5)), 'EVENT_TOO_LATE accepted a c')
  assert.match(judge(3, [partly(4, 'a'), late(5)], ways).message, /every window of "a" and "c"$/)
})

test('what is wrong on any way is rejected, and says who has counted it all the same', () => {
  assert.equal(verdict(wrong(4), wrong(5), wrong(6)), 'TRANSFORM_FAILED rejected')
  assert.equal(verdict(late(4), wrong(5)), 'TRANSFORM_FAILED rejected')
  assert.equal(verdict(wrong(4)), 'TRANSFORM_FAILED rejected a b')
  assert.equal(verdict(wrong(6)), 'TRANSFORM_FAILED rejected archive')
  assert.equal(verdict(partly(4, 'a'), wrong(5)), 'TRANSFORM_FAILED rejected a c')
})

test('without a way that keeps state nobody has counted it', () => {
  const said = [{ route: -1, rejection: rejection(0, 'SOURCE_UNKNOWN', ''), partly: null }]
  const { code, views, isAccepted } = judge(0, said, noWays)
  assert.deepEqual([code, views, isAccepted], ['SOURCE_UNKNOWN', [], false])
})
