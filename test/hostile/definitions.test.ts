/**
 * Features files that must not start a daemon: the command says why, and exits with 78.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { runCli } from '../../src/cli/run.ts'
import { testIo } from '../helpers/io.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'
import { definitionRows, goodDefinitions } from './definition-rows.ts'
import { nameOf, rowOptions } from './rows.ts'

/** What `check` makes of a file. */
async function check(t: TestContext, text: string) {
  const file = join(await temporaryDirectory(t), 'features.ts')
  await writeFile(file, text)
  const io = testIo()
  return { exitCode: await runCli(['check', file], io), lines: io.errLines }
}

for (const row of definitionRows) {
  test(nameOf(row), rowOptions, async (t) => {
    const text = goodDefinitions.replace(...row.change)
    assert.notEqual(text, goodDefinitions)
    const { exitCode, lines } = await check(t, text)
    assert.equal(exitCode, 78, lines.join('\n'))
    assert.match(lines[0]!, row.error)
  })
}

test('the file that the rows break is good, with a byte order mark, too', async (t) => {
  for (const mark of ['', '\ufeff']) {
    assert.deepEqual(await check(t, mark + goodDefinitions), { exitCode: 0, lines: [] })
  }
})
