/**
 * A little of `npm run test:hostile` with every build, on inputs that are always the same.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomNumbers } from '../helpers/random.ts'
import { corpusOf } from './corpus.ts'
import { fuzzBodies } from './fuzz-bodies.ts'
import { fuzzFrames } from './fuzz-frames.ts'
import { fuzzJournals } from './fuzz-journal.ts'
import { fuzzSockets } from './fuzz-sockets.ts'

const seed = 42

function extent(count: number) {
  return { count, random: randomNumbers(seed), isOver: () => false }
}

test('frames that are almost right are understood or refused, and break no session', async () => {
  assert.equal((await fuzzFrames(extent(10_000))).count, 10_000)
})

test('bodies that are almost right are answered', async () => {
  assert.equal((await fuzzBodies(extent(1000))).count, 1000)
})

test('journals that are almost right are read as they were written, or refused', async () => {
  assert.equal((await fuzzJournals(extent(300))).count, 300)
})

test('a client beside an attacker loses nothing', async () => {
  const { attack, published } = await fuzzSockets({ count: 300, seed, isOver: () => false })
  assert.ok(attack.frames >= 300 && attack.events > 0)
  assert.ok(published > 500)
})

test('what was found once is tried in every run', () => {
  assert.ok(corpusOf('frame').length > 5)
  assert.ok(corpusOf('body').length > 5)
})
