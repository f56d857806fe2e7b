/**
 * The page of stored bytes, held against the formats that are written.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyFormat } from '../../src/access/key-files.ts'
import { logSegmentsMax } from '../../src/base/limits.ts'
import { directoryFormat } from '../../src/persist/manifest.ts'
import { quarantineFormat } from '../../src/persist/quarantine.ts'
import { storedFormats } from '../../src/stored/formats.ts'
import { projectFiles } from '../helpers/repository.ts'

const files = new Map(projectFiles().map(({ path, text }) => [path, text]))
const page = files.get('docs/reference/stored-bytes.md')!
const ledgerPage = files.get('docs/reference/ledger.md')!

test('the page has the format of every part', () => {
  const told = [...page.matchAll(/^\| (.+?) +\| (\d+) +\|/gm)].map(([, part, format]) => {
    return [part!, Number(format)] as const
  })
  const { journal, ledger, store, slot, redo } = storedFormats
  assert.deepEqual(Object.fromEntries(told), {
    'directory, `store.json`': directoryFormat,
    '`quarantine.json`': quarantineFormat,
    journal,
    ledger,
    'store of a shard': store,
    'state of a key': slot,
    'API key (`keys/ID.json`)': keyFormat,
    'redo file (`shards/NNN/redo`)': redo,
  })
})

test('the pages have the number of segments that are kept', () => {
  assert.equal(Number(/nobody needs, (\d+) are kept/.exec(page)?.[1]), logSegmentsMax)
  assert.equal(Number(/beyond (\d+) of them/.exec(ledgerPage)?.[1]), logSegmentsMax)
})
