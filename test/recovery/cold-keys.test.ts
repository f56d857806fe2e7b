/**
 * A store of ten times as many keys as its memory holds: the bench of that, in small.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from '../../bench/cold-keys.ts'

test('with memory for a tenth of the keys reads are right, and a kill is harmless', async () => {
  const keys = 50_000
  const stateBytesMax = keys * 23
  const result = await run({ keys, stateBytesMax, shards: 2, reads: 4000 })
  assert.equal(result.reads, 8000)
  assert.equal(result.wrongReads, 0)
  assert.ok(
    result.keysInMemory > 0 && result.keysInMemory < keys / 4,
    `${result.keysInMemory} keys`,
  )
  // Of so small a budget, what is applied between two looks is a good part.
  assert.ok(result.stateBytes <= stateBytesMax * 1.5, `${result.stateBytes} bytes of state`)
  // The tail of the journal, not all of it.
  assert.ok(result.replayedEvents < keys / 2, `${result.replayedEvents} events replayed`)
})
