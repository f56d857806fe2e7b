// The bytes of whole entries, of a redo file and of a manifest: a change here is a new format.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { directoryFormat } from '../../src/persist/manifest.ts'
import { RedoGroup, redoFormat, RedoWriter } from '../../src/persist/redo.ts'
import { sealJson } from '../../src/base/sealed-json.ts'
import { addHeader, addWrite, storeFormat } from '../../src/persist/store-writes.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function entryOf(add: (group: RedoGroup) => void): string {
  const group = new RedoGroup()
  add(group)
  const [{ key, value }] = group.writes() as [{ key: Uint8Array; value: Uint8Array | null }]
  return `${hex(key)} ${value === null ? 'removed' : hex(value)}`
}

test('the entries of a store are what they always were', () => {
  const place = { view: 1, keyHash: 2, key: Buffer.from('k') }
  const value = Buffer.from('v')
  assert.equal(storeFormat, 7)
  const golden = [
    [{ ...place, value }, '010001000000026b 52b9ee6b76'],
    [{ ...place, value: null }, '010001000000026b removed'],
    [
      { ...place, tile: 3, part: 4, value },
      '0200010000000200016b80000000000300000000000004 cab9503d76',
    ],
    [{ idKey: Buffer.from('03aa', 'hex'), arrivalMs: 5 }, '03aa c24d45210000000000001440'],
    [{ indexKey: Buffer.from('04aa', 'hex'), isThere: true }, '04aa 0d9db613'],
    [{ indexKey: Buffer.from('04aa', 'hex'), isThere: false }, '04aa removed'],
  ] as const
  for (const [write, entry] of golden) {
    assert.equal(
      entryOf((group) => addWrite(group, write)),
      entry,
    )
  }
  const header = { generation: 6, header: Buffer.from('h') }
  assert.equal(
    entryOf((group) => addHeader(group, header)),
    '00 382bed0d07000000000000000000184068',
  )
})

test('a redo file is what it always was', async (context) => {
  assert.equal(redoFormat, 2)
  const path = join(await temporaryDirectory(context), 'redo')
  const writer = await RedoWriter.create(path, 7)
  for (const isLast of [false, true]) {
    const group = new RedoGroup()
    const at = group.add(1, isLast ? null : 1)
    group.bytes.write(isLast ? 'b' : 'a1', at)
    await writer.append(group, { isLast })
  }
  await writer.finish()
  assert.equal(
    hex(await readFile(path)),
    [
      '4d525244020000000000000000001c400adc512a',
      '0a0000002df1aa2801000000010000006131',
      '09000080a671dc8701000000ffffffff62',
    ].join(''),
  )
})

test('a manifest is what it always was', () => {
  assert.equal(directoryFormat, 3)
  const text = sealJson({
    format: directoryFormat,
    formats: { journal: 1 },
    incarnation: '0123456789abcdef0123456789abcdef',
    shards: 4,
    seed: { k0: 1, k1: -2 },
    views: { clicks: { id: 0, since: 5, keyLimits: [{ since: 5, max: 9 }], canonical: '{}' } },
    nextViewId: 1,
    nextBackfillId: 1,
    sources: { events: '{}' },
  })
  assert.match(text, /\n {2}"crc": "f60bb67b"\n\}\n$/)
})
