import assert from 'node:assert/strict'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openKeyRing, type KeyRing } from '../../src/access/key-ring.ts'
import { createKey, listKeys, revokeKey, type NewKey } from '../../src/access/keys.ts'
import { ManualClock } from '../../src/base/clock.ts'
import type { Permission, Target } from '../../src/model/permission.ts'
import { temporaryDir } from '../helpers/daemons.ts'

const clock = new ManualClock(Date.UTC(2026, 2, 1))
const editor: NewKey = { name: 'web', role: 'editor', sources: null, services: null, lifeMs: null }

/** A ring over a directory that does not exist yet, and what its log was told. */
async function setUp(t: TestContext) {
  const dir = join(await temporaryDir(t), 'keys')
  const lines: string[] = []
  const tell = (fields: object, message: string) => lines.push(JSON.stringify({ fields, message }))
  const ring = await openKeyRing({ dir, clock, log: { info: tell, error: tell } })
  return { dir, lines, ring, create: (key: NewKey) => createKey(dir, key, clock) }
}

/** The code of the refusal of who comes with a header; null when there is none. */
function refused(
  ring: KeyRing,
  authorization: string | undefined,
  permission: Permission = 'write-events',
  target?: Target,
): string | null {
  const headers = authorization === undefined ? {} : { authorization }
  return ring.grantOf(headers).refusal(permission, target)?.code ?? null
}

test('nobody is asked for a key until there is one, and everybody is from then on', async (t) => {
  const { dir, ring, create } = await setUp(t)
  assert.equal(ring.isAsking, false)
  assert.equal(refused(ring, undefined, 'administer'), null)
  assert.equal(refused(ring, 'Bearer whatever', 'administer'), null)
  const before = ring.grantOf({})
  const { record, text } = await create(editor)
  assert.equal(refused(ring, undefined), null)
  await ring.look()
  assert.equal(ring.isAsking, true)
  assert.equal(refused(ring, undefined), 'UNAUTHORIZED')
  assert.equal(before.refusal('write-events')?.code, 'UNAUTHORIZED')
  assert.equal(refused(ring, `Bearer ${text}`), null)
  await revokeKey(dir, record.id)
  await ring.look()
  await rm(dir, { recursive: true })
  await ring.look()
  assert.equal(refused(ring, undefined), 'UNAUTHORIZED')
  assert.equal(refused(ring, undefined, 'open'), null)
})

test('a key comes in two schemes, and nothing that is not a whole key comes in', async (t) => {
  const { ring, create } = await setUp(t)
  const { record, text } = await create(editor)
  await ring.look()
  for (const scheme of ['Bearer', 'bearer', 'Tecton-key', 'TECTON-KEY ']) {
    assert.equal(refused(ring, `${scheme} ${text}`), null)
  }
  const last = text.endsWith('A') ? 'B' : 'A'
  const wrong = [
    '',
    text,
    `Basic ${text}`,
    'Bearer',
    'Bearer ',
    `Bearer ${text} ${text}`,
    `Bearer ${text}x`,
    `Bearer ${text.slice(0, -1)}`,
    `Bearer ${text.slice(0, -1)}${last}`,
    `Bearer ${record.id}`,
    `Bearer mr_${record.id}_`,
    `Bearer ${record.hash}`,
    `Bearer ${text.replace(record.id, '0'.repeat(12))}`,
  ]
  for (const authorization of wrong) {
    assert.equal(refused(ring, authorization), 'UNAUTHORIZED', authorization)
    assert.equal(refused(ring, authorization, 'open'), null)
  }
})

test('a key that is revoked or expires gets nothing more, also where it was let in', async (t) => {
  const { dir, ring, create } = await setUp(t)
  const lasting = await create(editor)
  const brief = await create({ ...editor, lifeMs: 1000 })
  await ring.look()
  const grants = [lasting, brief].map(({ text }) =>
    ring.grantOf({ authorization: `Bearer ${text}` }),
  )
  const codes = () => grants.map((grant) => grant.refusal('write-events')?.code ?? null)
  assert.deepEqual(codes(), [null, null])
  clock.advance(999)
  assert.deepEqual(codes(), [null, null])
  clock.advance(1)
  assert.deepEqual(codes(), [null, 'UNAUTHORIZED'])
  await revokeKey(dir, lasting.record.id)
  await ring.look()
  assert.deepEqual(codes(), ['UNAUTHORIZED', 'UNAUTHORIZED'])
  assert.equal(refused(ring, `Bearer ${lasting.text}`), 'UNAUTHORIZED')
  await assert.rejects(revokeKey(dir, lasting.record.id), { code: 'API_KEY_UNKNOWN' })
  await assert.rejects(revokeKey(dir, '../../store'), { code: 'API_KEY_UNKNOWN' })
})

test('a scope leaves out every other source and service', async (t) => {
  const { ring, create } = await setUp(t)
  const { text } = await create({ ...editor, sources: ['clicks', 'carts'], services: [] })
  await ring.look()
  const code = (permission: Permission, target?: Target) =>
    refused(ring, `Bearer ${text}`, permission, target)
  assert.equal(code('write-events', { source: 'carts' }), null)
  assert.equal(code('write-events', { source: 'cart' }), 'FORBIDDEN')
  assert.equal(code('dry-run', { source: 'cart' }), 'FORBIDDEN')
  assert.equal(code('read-features', { service: 'carts' }), 'FORBIDDEN')
  assert.equal(code('read-features'), null)
  assert.equal(code('read-metadata'), null)
  assert.equal(code('administer'), 'FORBIDDEN')
})

test('whoever is within the process may do everything', async (t) => {
  const { ring, create } = await setUp(t)
  await create(editor)
  await ring.look()
  assert.equal(refused(ring, `Bearer ${ring.ownKey}`, 'administer', { source: 'any' }), null)
})

test('a file that cannot be read is no key, keeps no other back, and is told once', async (t) => {
  const { dir, lines, ring, create } = await setUp(t)
  const good = await create(editor)
  const bad = await create(editor)
  const file = join(dir, `${bad.record.id}.json`)
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace('editor', 'admin!'))
  await ring.look()
  await ring.look()
  assert.equal(refused(ring, `Bearer ${good.text}`), null)
  assert.equal(refused(ring, `Bearer ${bad.text}`), 'UNAUTHORIZED')
  assert.equal(lines.filter((line) => line.includes('is not what was written')).length, 1)
  await assert.rejects(listKeys(dir), { code: 'STORE_CORRUPT' })
  await writeFile(file, text)
  await ring.look()
  assert.equal(refused(ring, `Bearer ${bad.text}`), null)
})

test('what is kept of a key does not open anything, and is for its owner only', async (t) => {
  const { dir, lines, ring, create } = await setUp(t)
  const { record, text } = await create({ ...editor, lifeMs: 60_000 })
  await ring.look()
  const names = await readdir(dir)
  assert.deepEqual(names, [`${record.id}.json`])
  const kept = await readFile(join(dir, names[0]!), 'utf8')
  const secret = text.split('_').slice(2).join('_')
  assert.equal(kept.includes(secret), false)
  assert.equal(lines.join().includes(secret), false)
  assert.equal((await stat(join(dir, names[0]!))).mode & 0o777, 0o600)
  assert.equal((await stat(dir)).mode & 0o777, 0o700)
  assert.deepEqual(await listKeys(dir), [record])
})
