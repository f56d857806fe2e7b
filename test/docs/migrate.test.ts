/**
 * The guide for those who move over, followed to the letter: its definitions are served, and what
 * it sends with curl is sent.
 */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { startDaemon } from '../helpers/daemons.ts'
import { codeBlocks } from '../helpers/markdown.ts'
import { projectFiles, root } from '../helpers/repository.ts'

const page = projectFiles().find(({ path }) => path === 'docs/guides/migrate.md')!.text

const now = '2027-03-01T12:00:00Z'

/** Paths and bodies of the page's curl commands: whenever it is followed, an event is of then. */
const commands = [
  ...page.replaceAll("'$now'", now).matchAll(/curl http:\/\/127\.0\.0\.1:4800(\S+) -d '([^']*)'/g),
]

test('the definitions and the commands of the guide work', async (t) => {
  // Below the project, where the package is found.
  const folder = join(root, '.build', `migrate-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'features.ts')
  writeFileSync(file, codeBlocks(page).find(({ name }) => name === 'features.ts')!.code)
  const clock = new ManualClock(Date.parse(now))
  const { url } = await startDaemon(t, { features: file, clock })
  const answers: unknown[] = []
  // The first one twice: the second record takes the place of the first.
  for (const [, path, body] of [commands[0]!, ...commands]) {
    const response = await fetch(`${url}${path}`, { method: 'POST', body: body! })
    answers.push(await response.json())
    assert.equal(response.status, 200, JSON.stringify(answers.at(-1)))
  }
  assert.equal(answers.length, 3)
  assert.deepEqual(answers.at(-1), {
    result: { features: ['1', 12.5] },
    metadata: { features: [{ name: 'spending.count_30d' }, { name: 'spending.sum_1h' }] },
  })
})
