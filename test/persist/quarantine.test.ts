import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readQuarantine, writeQuarantine } from '../../src/persist/quarantine.ts'
import { sealJson } from '../../src/base/sealed-json.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const events = [{ position: 491, index: 1, views: ['command_counts'] }]

test('what is in quarantine is read as it was written, and nothing without a file', async (t) => {
  const path = join(await temporaryDirectory(t), 'quarantine.json')
  assert.deepEqual(await readQuarantine(path), [])
  await writeQuarantine(path, events)
  assert.deepEqual(await readQuarantine(path), events)
})

test('any changed byte is refused, and so is another format', async (t) => {
  const path = join(await temporaryDirectory(t), 'quarantine.json')
  await writeQuarantine(path, events)
  const bytes = await readFile(path)
  for (let place = 0; place < bytes.length; place++) {
    const damaged = Buffer.from(bytes)
    damaged[place]! ^= 1
    await writeFile(path, damaged)
    await assert.rejects(readQuarantine(path), { code: 'STORE_CORRUPT' }, `byte ${place}`)
  }
  await writeFile(path, sealJson({ format: 2, events }))
  await assert.rejects(readQuarantine(path), { code: 'STORE_FORMAT' })
})
