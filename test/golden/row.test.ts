// The bytes of an event in a stored chunk: a change here is a new format of the store.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteWriter } from '../../src/aggregate/byte-writer.ts'
import { readRow, rowBytes, writeRow } from '../../src/aggregate/row-codec.ts'
import { RowBatch } from '../../src/model/rows.ts'
import type { Field } from '../../src/model/types.ts'

const fields: readonly Field[] = [
  { name: 'n', type: { kind: 'Int64', nullable: true } },
  { name: 'x', type: { kind: 'Float64', nullable: true } },
  { name: 's', type: { kind: 'String', nullable: true } },
]

test('an event in a chunk is what it always was', () => {
  const rows = new RowBatch(fields)
  rows.reset(new Uint8Array(0), 2)
  const given = [
    [-2n, 1.5, 'é'],
    [null, null, null],
  ] as const
  for (const [i, values] of given.entries()) {
    rows.eventIndex[i] = i
    rows.timeMs[i] = 1_700_000_000_000
    rows.timeNs[i] = 42
    rows.columns.forEach((column, c) => column.set(i, values[c]!))
  }
  const writer = new ByteWriter(64)
  writeRow(writer, rows, 0, rows.columns, fields)
  const second = writer.byteLength
  writeRow(writer, rows, 1, rows.columns, fields)
  const hex = Buffer.from(writer.since(0)).toString('hex')
  const time = '00008056febc7842' + '2a000000'
  const first = '28000000' + '00' + 'fffffffffeffffff' + '000000000000f83f' + '03000000' + 'a2c3a9'
  assert.equal(hex, time + first + time + '11000000' + '07')

  const bytes = writer.since(0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  assert.equal(rowBytes(view, 0), second)
  const back = new RowBatch(fields)
  readRow(view, 0, back, fields)
  readRow(view, second, back, fields)
  assert.deepEqual(
    [0, 1].map((i) => back.columns.map((column) => column.get(i))),
    given,
  )
})

test('a row of the same event as the one before says so', () => {
  const rows = new RowBatch(fields)
  rows.reset(new Uint8Array(0), 2)
  for (const i of [0, 1]) {
    rows.eventIndex[i] = 7
    rows.timeMs[i] = 0
    rows.timeNs[i] = 0
    for (const column of rows.columns) column.set(i, null)
  }
  const writer = new ByteWriter(64)
  writeRow(writer, rows, 0, rows.columns, fields)
  const second = writer.byteLength
  writeRow(writer, rows, 1, rows.columns, fields)
  const bytes = writer.since(0)
  const time = '000000000000000000000000'
  const hex = Buffer.from(bytes).toString('hex')
  assert.equal(hex, time + '11000000' + '07' + time + '11000080' + '07')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  assert.equal(rowBytes(view, second), second)
})
