import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCli } from '../../src/cli/run.ts'
import { testIo } from '../helpers/io.ts'
import { openShopServer } from '../helpers/shop-server.ts'

const features = `
import { aggregate, entity, pushSource, streamFeatureView, t } from 'millrace'

const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
const clicks = pushSource({
  name: 'clicks',
  schema: { user_id: t.String(), at: t.Timestamp(), price: t.Float64() },
  timestampField: 'at',
})
export const userClicks = streamFeatureView({
  name: 'user_clicks',
  source: clicks,
  entities: [user],
  features: [aggregate('price', 'sum', '1h')],
})
`

const directory = mkdtempSync(join(tmpdir(), 'millrace-check-test-'))
after(() => rmSync(directory, { recursive: true }))

/** What `check` makes of a file. */
async function check(name: string, text: string) {
  const file = join(directory, name)
  writeFileSync(file, text)
  const io = testIo()
  const exitCode = await runCli(['check', file], io)
  return { exitCode, out: io.outLines, err: io.errLines }
}

test('check loads a features file and leaves nothing beside it', async () => {
  const { exitCode, out, err } = await check('good.ts', features)
  assert.deepEqual(err, [])
  assert.equal(exitCode, 0)
  assert.ok(out.includes('  price_sum_1h  Float64?  sum(price) over 1h'), out.join('\n'))
  assert.deepEqual(readdirSync(directory), ['good.ts'])
})

test('check reports the line of a file that cannot be read as TypeScript', async () => {
  const { exitCode, err } = await check('broken.ts', 'export const a =\n  = 1\n')
  assert.equal(exitCode, 78)
  assert.match(err[0]!, /broken\.ts:2:3: .*\(DEFINITION_LOAD\)$/)
})

test('check reports a file without definitions', async () => {
  const { exitCode, err } = await check('empty.ts', 'export const a: number = 1\n')
  assert.equal(exitCode, 78)
  assert.match(err[0]!, /no definition is exported.*\(DEFINITION_INVALID\)$/)
})

test('check reports a file without a source and a view', async () => {
  const text = "import { entity, t } from 'millrace'\n"
  const user = "export const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })\n"
  const { exitCode, err } = await check('entity.ts', text + user)
  assert.equal(exitCode, 78)
  assert.match(err[0]!, /no source and no view is exported \(DEFINITION_INVALID\)$/)
})

test('push to a source that the daemon does not have fails, even without an event', async () => {
  const server = await openShopServer()
  const io = testIo()
  assert.equal(await runCli(['push', 'nothing', '--url', server.url], io), 1)
  assert.match(io.errLines[0]!, /no push source is named "nothing" \(SOURCE_UNKNOWN\)$/)
  await server.close()
})
