/**
 * The stored bytes of a key's state: a store that was written by one version is read by the next.
 *
 * When this fails, stored state has become unreadable: raise `slotFormat` and handle the old one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteWriter } from '../../src/aggregate/byte-writer.ts'
import { encodeSlot, slotFormat } from '../../src/aggregate/slot-codec.ts'
import { ViewState } from '../../src/aggregate/view-state.ts'
import type { View } from '../../src/model/catalog.ts'
import { engineKey, engineRows, engineSeed, engineView } from '../helpers/engine.ts'
import type { OracleEvent } from '../helpers/oracle.ts'

const view = engineView({
  columns: [
    { name: 'n', type: { kind: 'Int64', nullable: false } },
    { name: 'x', type: { kind: 'Float64', nullable: true } },
    { name: 's', type: { kind: 'String', nullable: false } },
    {
      name: 'm',
      type: { kind: 'Map', nullable: false, value: { kind: 'Int64', nullable: false } },
    },
  ],
  features: [
    { column: 'n', fn: 'sum', windowMs: 60_000 },
    { column: 'n', fn: 'last', windowMs: 60_000 },
    { column: 'x', fn: 'mean', windowMs: 3_600_000 },
    { column: 's', fn: 'max', windowMs: 3_600_000 },
    { column: 'm', fn: 'last', windowMs: 3_600_000 },
  ],
})

const golden = [
  // Format 4; newest event: ns within its ms, and ms.
  '04000000 07000000 00000000205f1241',
  // Two tiles of 5 s: number, events, sum of n in two cells, last n, its ns after the start.
  '02000000',
  '0000000000804d40 000000000000f03f 0500000000000000 0000000000000000',
  '0500000000000000 000000d088c3f041',
  '0000000000004e40 000000000000f03f f9ffffffffffffff ffffffffffffffff',
  'f9ffffffffffffff 0000800365cdcd41',
  // Tiles of 5 min, two: number, events, values of x, sum of x in two cells and the place of its
  // spill, places of the greatest s and of the last m, ns of the last m.
  '02000000',
  '0000000000000000 000000000000f03f 000000000000f03f 000000000000f83f 0000000000000000',
  '0000000000000000 000000000000f03f 0000000000000840 0000c0d4e56e5142',
  '000000000000f03f 000000000000f03f 0000000000000000 0000000000000000 0000000000000000',
  '0000000000000000 0000000000000040 0000000000001040 0000800365cdcd41',
  // What is at the places: no spill, s and m of one tile; the same of the other.
  '96 c0 a162 92 a161 cf0000000000000001 c0 a161 92 a161 cf0000000000000002',
]

/** Of a view whose wider tiles lack what is in the newest of the narrower ones. */
const foldedView = engineView({
  columns: [{ name: 'n', type: { kind: 'Int64', nullable: false } }],
  features: [
    { column: 'n', fn: 'last', windowMs: 60_000 },
    { column: 'n', fn: 'last', windowMs: 3_600_000 },
  ],
})

const foldedGolden = [
  '04000000 07000000 00000000205f1241',
  // Two tiles of 5 s: number, events, last n, its ns after the start.
  '02000000',
  '0000000000804d40 000000000000f03f 0500000000000000 000000d088c3f041',
  '0000000000004e40 000000000000f03f f9ffffffffffffff 0000800365cdcd41',
  // One of 5 min, with the event of the older of them.
  '01000000',
  '0000000000000000 000000000000f03f 0500000000000000 0000c0d4e56e5142',
]

test('the stored form of a key is what it always was', () => {
  const m = (n: bigint) => new Map([['a', n]])
  const older = { n: 5n, x: 1.5, s: 'b', m: m(1n) }
  const newer = { n: -7n, x: null, s: 'a', m: m(2n) }
  assert.equal(storedForm(view, older, newer), golden.join('').replaceAll(' ', ''))
})

test('wider tiles are stored without what is in the newest of the narrower ones', () => {
  const found = storedForm(foldedView, { n: 5n }, { n: -7n })
  assert.equal(found, foldedGolden.join('').replaceAll(' ', ''))
})

/** What is stored of a key with two events, in hex. */
function storedForm(view: View, older: OracleEvent['row'], newer: OracleEvent['row']): string {
  const state = new ViewState(view, {
    seed: engineSeed,
    load: () => null,
    loadChunks: () => [],
    capture: () => undefined,
  })
  const rows = engineRows(view, [
    { key: 'k', timeNs: 299_500_000_000n, row: older },
    { key: 'k', timeNs: 301_000_000_007n, row: newer },
  ])
  rows.endSpan(302_000)
  state.apply(rows, rows.columns)
  const { bytes, hash } = engineKey('k')
  const slot = state.slotOf(hash, bytes, 0, bytes.length)
  const writer = new ByteWriter(64)
  encodeSlot(
    writer,
    slot,
    state.records.newestMs(slot),
    state.records.newestNs(slot),
    state.levels,
    state.pool,
  )
  assert.equal(slotFormat, 4)
  return Buffer.from(writer.since(0)).toString('hex')
}
