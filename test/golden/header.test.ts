// The bytes of a checkpoint's header: a change here is a new format of the store.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ViewState } from '../../src/aggregate/view-state.ts'
import { encodeHeader, restoreHeader } from '../../src/shard/header.ts'
import { engineRows, engineSeed, engineView } from '../helpers/engine.ts'

const view = engineView({
  columns: [{ name: 'n', type: { kind: 'Int64', nullable: false } }],
  features: [{ column: 'n', fn: 'count', windowMs: 60_000 }],
})
const none = { load: () => null, loadChunks: () => [], capture: () => undefined }

const golden = [
  // Position 9; of view 3 the watermark, a day and 7 ns.
  '83a8706f736974696f6e09a5766965777381',
  'a13385ab77617465726d61726b4d73ce05265c00ab77617465726d61726b4e7307',
  // The row of k1, which waits; none was let go early.
  'a67061726b6564c42d00000000000000003e40683d0200190000006b31000000d0779994410000000019000000',
  '000000000001000000a56561726c7990',
  // Two new keys on the second day.
  'a76e65774b65797382a364617901a5636f756e7402',
  // Nothing is unrecorded.
  'aa756e7265636f7264656482a87265636f7264656482a47570546f00ab7265667573656446726f6d',
  '00a872656a656374656490',
]

test('what a checkpoint says of its views is what it always was, and is put back', () => {
  const state = new ViewState(view, { seed: engineSeed, ...none })
  const timesNs = [86_400_000_000_007n, 86_400_500_000_000n]
  const rows = engineRows(
    view,
    timesNs.map((timeNs, n) => ({ key: `k${n}`, timeNs, row: { n: 1n } })),
  )
  rows.endSpan(86_400_100)
  state.apply(rows, rows.columns, { fromMs: -Infinity, untilMs: Infinity, newKeysMax: 2 })
  const recorded = { upTo: 0, refusedFrom: 0 }
  const unrecorded = { recorded, rejected: [] }
  const header = encodeHeader(9, [state], [3], unrecorded)
  assert.equal(Buffer.from(header).toString('hex'), golden.join(''))

  const again = new ViewState(view, { seed: engineSeed, ...none })
  restoreHeader(header, [again], [3])
  assert.deepEqual(again.newKeys.toStored(), { day: 1, count: 2 })
  assert.deepEqual(again.parked.toStored(), state.parked.toStored())
})
