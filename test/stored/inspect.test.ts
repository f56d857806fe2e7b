/**
 * `inspect` over directories with damage of every kind: what is found, where, and what helps.
 */
import assert from 'node:assert/strict'
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { runCli } from '../../src/cli/run.ts'
import { quarantineName, writeQuarantine } from '../../src/persist/quarantine.ts'
import { inspectDirectory, type Inspection, type Remedy } from '../../src/stored/inspect.ts'
import { lockDirectory } from '../../src/base/lock.ts'
import { startDaemon } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'
import { change, entriesOf, flip, openRaw, segment, storedKey } from '../helpers/stores.ts'
import { copyOf, hashes, storedDirectory } from '../helpers/stored.ts'

test('a directory without damage is sound, and is not changed', async (t) => {
  const dataDir = await storedDirectory(t)
  const before = await hashes(dataDir)
  const found = await inspectDirectory(dataDir, true)
  assert.deepEqual(
    found.parts.map(({ name, state, damage, remedy }) => [name, state, damage, remedy]),
    ['store.json', 'journal', 'ledger', ...shardNames].map((name) => [name, 'sound', [], null]),
  )
  assert.equal(found.isSound, true)
  const [, journal, ledger, ...shards] = found.parts.map(({ facts }) => facts)
  assert.equal(journal!['events'], 102)
  assert.equal(ledger!['segments'], 2)
  for (const [n, facts] of shards.entries()) {
    const raw = openRaw(join(dataDir, shardNames[n]!))
    const entries = entriesOf(raw)
    await raw.close()
    assert.equal(facts['keys'], entries.filter(({ key }) => key[0]! < 2).length)
  }
  assert.ok(shards.every((facts) => facts['position'] === shards[0]!['position']))
  assert.deepEqual(await hashes(dataDir), before)
})

const shardNames = ['000', '001', '002', '003'].map((shard) => `shards/${shard}`)

interface Row {
  readonly damage: (dir: string) => Promise<unknown>
  /** The part that is damaged, and what helps. */
  readonly part: string
  readonly remedy: Remedy
  readonly file: RegExp
  readonly reason: RegExp
  /** Only a look at every byte finds it. */
  readonly isDeep?: true
}

const rows: Readonly<Record<string, Row>> = {
  'a byte of the manifest': {
    damage: (dir) => flip(join(dir, 'store.json'), 20),
    part: 'store.json',
    remedy: 'backup',
    file: /^store.json$/,
    reason: /is not what was written/,
  },
  'no manifest': {
    damage: (dir) => rm(join(dir, 'store.json')),
    part: 'store.json',
    remedy: 'backup',
    file: /^store.json$/,
    reason: /^is missing$/,
  },
  'a byte of the quarantine': {
    damage: async (dir) => {
      await writeQuarantine(join(dir, quarantineName), [{ position: 1, index: 0, views: ['v'] }])
      await flip(join(dir, quarantineName), 20)
    },
    part: quarantineName,
    remedy: 'backup',
    file: /^quarantine.json$/,
    reason: /is not what was written/,
  },
  'a byte of a record of an older journal segment': {
    damage: async (dir) => flip(await segment(dir, 'journal', 0), -60),
    part: 'journal',
    remedy: 'backup',
    file: /^journal\/0{16}\.journal$/,
    reason: /^damaged record$/,
    isDeep: true,
  },
  'a byte of a header of the journal': {
    damage: async (dir) => flip(await segment(dir, 'journal', 0), 30),
    part: 'journal',
    remedy: 'backup',
    file: /^journal\/0{16}\.journal$/,
    reason: /^damaged header$/,
  },
  'the end of an older journal segment': {
    damage: async (dir) => truncate(await segment(dir, 'journal', 0), 200),
    part: 'journal',
    remedy: 'backup',
    file: /\.journal$/,
    reason: /the one before ends at 200/,
  },
  'all of the journal': {
    damage: (dir) => rm(join(dir, 'journal'), { recursive: true }),
    part: 'ledger',
    remedy: 'renew',
    file: /^ledger$/,
    reason: /the journal ends at 0/,
  },
  'a byte of the ledger': {
    damage: async (dir) => flip(await segment(dir, 'ledger', 0), -60),
    part: 'ledger',
    remedy: 'renew',
    file: /^ledger\/0{16}\.ledger$/,
    reason: /^damaged record$/,
    isDeep: true,
  },
  'a byte of a stored value': {
    damage: async (dir) => {
      const [shard, key] = await storedKey(dir)
      await change(shard, key, ({ database, value }) => {
        value[value.length - 1]! ^= 1
        return database.put(key, value)
      })
    },
    part: 'shards/',
    remedy: 'rebuild',
    file: /^shards\/\d{3}$/,
    reason: /CRC of the value of 01[0-9a-f]+ is wrong/,
    isDeep: true,
  },
  'a stored key': {
    damage: async (dir) => {
      const [shard, key] = await storedKey(dir)
      await change(shard, key, ({ database }) => database.remove(key))
    },
    part: 'shards/',
    remedy: 'rebuild',
    file: /^shards\/\d{3}$/,
    reason: /has \d+ keys, and \d+ were stored/,
  },
  'the beginning of an environment': {
    damage: (dir) => flip(join(dir, 'shards/001/data.mdb'), 24),
    part: 'shards/001',
    remedy: 'rebuild',
    file: /^shards\/001$/,
    reason: /does not begin as an LMDB environment/,
  },
  'everything in an environment behind its first pages': {
    damage: async (dir) => {
      const file = join(dir, 'shards/001/data.mdb')
      const bytes = await readFile(file)
      await writeFile(file, bytes.fill(0xa5, 2 * 4096))
    },
    part: 'shards/001',
    remedy: 'rebuild',
    file: /^shards\/001$/,
    reason: /./,
  },
  'the end of an environment': {
    damage: (dir) => truncate(join(dir, 'shards/001/data.mdb'), 2 * 4096),
    part: 'shards/001',
    remedy: 'rebuild',
    file: /^shards\/001$/,
    reason: /./,
  },
  'a redo file that is none': {
    damage: (dir) => writeFile(join(dir, 'shards/001/redo'), 'redo'),
    part: 'shards/001',
    remedy: 'rebuild',
    file: /^shards\/001$/,
    reason: /redo: its header is damaged/,
  },
}

test('damage is found in its place, and what helps is told', async (t) => {
  const whole = await storedDirectory(t)
  for (const [what, row] of Object.entries(rows)) {
    await t.test(what, (context) => finds(context, whole, row))
  }
})

async function finds(context: TestContext, whole: string, row: Row): Promise<void> {
  const dataDir = await copyOf(context, whole)
  await row.damage(dataDir)
  const before = await hashes(dataDir)
  const shallow = await inspectDirectory(dataDir, false)
  assert.equal(shallow.isSound, row.isDeep === true)
  const found = await inspectDirectory(dataDir, true)
  assert.equal(found.isSound, false)
  const part = found.parts.find(
    ({ name, state }) => name.startsWith(row.part) && state === 'damaged',
  )
  assert.ok(part !== undefined, JSON.stringify(found.parts))
  const isTold = part.damage.some(
    ({ file, reason }) => row.file.test(file) && row.reason.test(reason),
  )
  assert.ok(isTold, JSON.stringify(part.damage))
  assert.equal(part.remedy, row.remedy)
  assert.deepEqual(await hashes(dataDir), before, 'nothing was changed')
}

test('a shard that is not there is no damage while the journal has all of it', async (t) => {
  const dataDir = await storedDirectory(t)
  await rm(join(dataDir, 'shards/002'), { recursive: true })
  const missing = await inspectDirectory(dataDir, true)
  assert.equal(missing.isSound, true)
  assert.equal(missing.parts.find(({ name }) => name === 'shards/002')!.state, 'missing')
  await rm(await segment(dataDir, 'journal', 0))
  const gone = await inspectDirectory(dataDir, true)
  const part = gone.parts.find(({ name }) => name === 'shards/002')!
  assert.equal(part.state, 'damaged')
  assert.match(part.damage[0]!.reason, /needs the journal from position 0, it begins at \d+/)
  assert.equal(part.remedy, 'backup')
  assert.ok(gone.parts.filter(({ state }) => state === 'damaged').length === 1)
})

test('a shard whose file was cut is refused, and ends no process', async (t) => {
  const dataDir = await storedDirectory(t)
  // Behind the first two pages: those name pages that are gone.
  for (const bytes of [2 * 4096, 2 * 4096 + 100]) {
    const cut = await copyOf(t, dataDir)
    await truncate(join(cut, 'shards/001/data.mdb'), bytes)
    const refused = { code: 'STORE_CORRUPT', message: /shards\/001: / }
    await assert.rejects(startDaemon(t, { dataDir: cut }), refused, `${bytes} bytes`)
  }
})

test('the command prints what was found, and ends with 65 when something is damaged', async (t) => {
  const dataDir = await storedDirectory(t)
  const sound = testIo()
  assert.equal(await runCli(['inspect', '--data', dataDir, '--verify'], sound), 0)
  assert.match(sound.outLines.join('\n'), /journal +sound +segments 2, start 0, end \d+, batches 4/)
  assert.match(sound.outLines.at(-1)!, /^no damage was found: every byte was read$/)
  await flip(await segment(dataDir, 'ledger', 0), 30)
  const damaged = testIo()
  assert.equal(await runCli(['inspect', '--data', dataDir], damaged), 65)
  const text = damaged.outLines.join('\n')
  assert.match(text, /ledger +damaged/)
  assert.match(text, /^ledger\/0{16}\.ledger at byte 0: damaged header\n {2}ledger: without it, /m)
  assert.match(text, /^damaged: read as far as a start reads; --verify reads all$/m)
  const json = testIo()
  assert.equal(await runCli(['inspect', '--data', dataDir, '--json'], json), 65)
  const found = JSON.parse(json.outLines.join('')) as Inspection
  assert.deepEqual(found, await inspectDirectory(dataDir, false))
})

test('a directory in use, and one that is none of ours, are refused', async (t) => {
  const dataDir = await storedDirectory(t)
  const release = await lockDirectory(dataDir)
  await assert.rejects(inspectDirectory(dataDir, false), { code: 'STORE_LOCKED' })
  await release()
  for (const path of [join(dataDir, 'none'), join(dataDir, 'ledger')]) {
    await assert.rejects(inspectDirectory(path, false), { code: 'FILE_UNREADABLE' })
  }
})
