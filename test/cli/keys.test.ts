import assert from 'node:assert/strict'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { keysPath } from '../../src/access/key-files.ts'
import { listKeys } from '../../src/access/keys.ts'
import { ManualClock } from '../../src/base/clock.ts'
import { apiKeysMax } from '../../src/base/http-limits.ts'
import { keysCommand } from '../../src/cli/keys.ts'
import { runCli } from '../../src/cli/run.ts'
import { apiKeyOf } from '../helpers/api-keys.ts'
import { temporaryDir } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'

/** Runs the command in a data directory without keys, at one moment. */
async function setUp(t: TestContext) {
  const dataDir = join(await temporaryDir(t), 'data')
  await mkdir(join(dataDir, 'journal'), { recursive: true })
  const run = async (...args: string[]) => {
    const io = testIo()
    const command = keysCommand(new ManualClock(Date.UTC(2026, 2, 1)))
    assert.equal(await command([...args, '--data', dataDir], io), 0)
    return { out: io.outLines.join('\n'), err: io.errLines.join('\n') }
  }
  return { dataDir, run }
}

test('a key is printed once, listed without its text, and revoked by its id', async (t) => {
  const { dataDir, run } = await setUp(t)
  const { out, err } = await run('create', 'web', '--role', 'editor', '--sources', 'a,b')
  const [, text, id] = /^API Key: (mr_\w{12}_\S{43})\nKey ID: (\w{12})$/.exec(out)!
  assert.equal(err, 'Save this API Key - you will not be able to get it again.')
  await run('create', 'reports', '--role', 'consumer', '--services', 'x', '--expires', '90d')
  const listed = (await run('list')).out
  assert.match(listed, /^ID +NAME +ROLE +SOURCES +SERVICES +CREATED +EXPIRES\n/)
  const rest = 'web +editor +a,b +all +2026-03-01T00:00:00.000Z +never'
  assert.match(listed, new RegExp(`^${id} +${rest}$`, 'm'))
  assert.match(listed, /reports +consumer +all +x +2026-03-01T00:00:00.000Z +2026-05-30T/)
  assert.equal(listed.includes(text!.slice(16)), false)
  assert.equal((await run('revoke', id!)).out, `${id} is revoked`)
  const left = await listKeys(keysPath(dataDir))
  assert.deepEqual(
    left.map(({ name }) => name),
    ['reports'],
  )
})

test('a key is made in a data directory, or in a new one that is asked for', async (t) => {
  const folder = await temporaryDir(t)
  const typo = join(folder, 'typo')
  const create = ['create', 'web', '--role', 'admin']
  const run = (dataDir: string, ...args: string[]) => {
    return keysCommand()([...args, '--data', dataDir], testIo())
  }
  const hint = /; --init makes one, before its first start$/
  await assert.rejects(run(typo, ...create), { code: 'FILE_UNREADABLE', message: hint })
  await assert.rejects(run(typo, 'list'), { code: 'FILE_UNREADABLE' })
  await assert.rejects(run(typo, 'revoke', '6f1c0a92d4b7'), { code: 'FILE_UNREADABLE' })
  // There, and of somebody else.
  await assert.rejects(run(folder, ...create), { code: 'FILE_UNREADABLE', message: hint })
  assert.deepEqual(await readdir(folder), [])
  await assert.rejects(run(typo, 'list', '--init'), { code: 'USAGE_INVALID' })
  assert.equal(await run(typo, ...create, '--init'), 0)
  assert.equal(await run(typo, ...create), 0)
  assert.equal((await listKeys(keysPath(typo))).length, 2)
})

test('with --json a new key has its text, and a list has not', async (t) => {
  const { run } = await setUp(t)
  const made = JSON.parse((await run('create', 'web', '--role', 'admin', '--json')).out) as {
    key: string
    id: string
  }
  const { key, ...rest } = made
  assert.equal(key.slice(3, 15), made.id)
  const { out } = await run('list', '--json')
  assert.deepEqual(JSON.parse(out), { keys: [rest] })
  assert.deepEqual(rest, {
    id: made.id,
    name: 'web',
    role: 'admin',
    sources: null,
    services: null,
    created: '2026-03-01T00:00:00.000Z',
    expires: null,
  })
})

test('what makes no sense is refused, and makes no key', async (t) => {
  const { dataDir } = await setUp(t)
  const create = ['create', 'web', '--role']
  const cases: [readonly string[], RegExp][] = [
    [[], /usage: millrace keys/],
    [['create', '--role', 'editor'], /usage: millrace keys/],
    [['forget', 'x'], /usage: millrace keys/],
    [['list', 'x'], /usage: millrace keys/],
    [['list', '--role', 'editor'], /"keys list" has no flag --role/],
    [['create', 'web'], /--role: say one of viewer, consumer, editor, admin/],
    [[...create, 'owner'], /--role: say one of/],
    [['create', ' ', '--role', 'editor'], /1 to 100 characters/],
    [[...create, 'editor', '--sources', 'a,,b'], /--sources: "" is not the name/],
    [[...create, 'editor', '--services', '../x'], /--services: "..\/x" is not the name/],
    [[...create, 'editor', '--expires', 'soon'], /--expires: "soon" is not a duration/],
    [[...create, 'editor', '--expires', '40000d'], /--expires: is beyond 100 years/],
    [[...create, 'admin', '--sources', 'a'], /admin is for everything/],
    [[...create, 'viewer', '--services', 'a'], /viewer reads no features/],
  ]
  for (const [args, message] of cases) {
    const io = testIo()
    assert.equal(await runCli(['keys', ...args, '--data', dataDir], io), 64, args.join(' '))
    assert.match(io.errLines[0]!, message)
  }
  const io = testIo()
  assert.equal(await runCli(['keys', 'revoke', 'none', '--data', dataDir], io), 1)
  assert.match(io.errLines[0]!, /no API key none .*\(API_KEY_UNKNOWN\)/)
  assert.deepEqual(await listKeys(keysPath(dataDir)), [])
})

test('the number of keys is bounded', async (t) => {
  const { dataDir } = await setUp(t)
  await Promise.all(Array.from({ length: apiKeysMax }, () => apiKeyOf(dataDir, 'viewer')))
  await assert.rejects(apiKeyOf(dataDir, 'viewer'), { code: 'API_KEYS_FULL' })
})
