import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { lockDirectory } from '../../src/base/lock.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const locked = { code: 'STORE_LOCKED', message: new RegExp(`process ${process.pid}`) }

/** The id of a process that has ended. */
const deadPid = spawnSync(process.execPath, ['--version']).pid

test('a directory in use is refused, by the name of the process that has it', async (t) => {
  const path = await temporaryDirectory(t)
  for (let round = 0; round < 3; round++) {
    const release = await lockDirectory(path)
    await assert.rejects(lockDirectory(path), locked)
    await release()
  }
})

test('nothing is left behind but the highest lock', async (t) => {
  const path = await temporaryDirectory(t)
  const first = await lockDirectory(path)
  await assert.rejects(lockDirectory(path), locked)
  assert.deepEqual(await readdir(path), ['lock.1'])
  assert.match(await readFile(join(path, 'lock.1'), 'utf8'), new RegExp(`^${process.pid} `))
  await first()
  assert.equal(await readFile(join(path, 'lock.1'), 'utf8'), '')
  await lockDirectory(path)
  assert.deepEqual(await readdir(path), ['lock.2'])
})

const dead = {
  'of a process that is gone': `${deadPid} of then`,
  'of the same id but of another process': `${process.pid} another:1`,
  'that says nothing': '',
  'that says what no lock says': 'not a number',
  'of no process': '0 x',
  'of a group of processes': '-1 x',
}

for (const [what, text] of Object.entries(dead)) {
  test(`a lock ${what} is taken over`, async (t) => {
    const path = await temporaryDirectory(t)
    await writeFile(join(path, 'lock.9'), text)
    await lockDirectory(path)
    await assert.rejects(lockDirectory(path), locked)
    assert.deepEqual(await readdir(path), ['lock.10'])
  })
}

test('of several that find a dead lock at once, one gets the directory', async (t) => {
  const path = await temporaryDirectory(t)
  await writeFile(join(path, 'lock.3'), `${deadPid} of then`)
  for (let round = 0; round < 20; round++) {
    const taken = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(path)))
    const got = taken.filter((each) => each.status === 'fulfilled')
    assert.equal(got.length, 1)
    await got[0]!.value()
  }
})

test('who holds it is alone, however many come and go', async (t) => {
  const path = await temporaryDirectory(t)
  let holders = 0
  let held = 0
  const comeAndGo = async (): Promise<void> => {
    for (let left = 40; left > 0; left--) {
      const release = await lockDirectory(path).catch(() => null)
      if (release === null) continue
      holders += 1
      held += 1
      assert.equal(holders, 1)
      // Others look while it is held.
      await readdir(path)
      holders -= 1
      await release()
    }
  }
  await Promise.all(Array.from({ length: 8 }, comeAndGo))
  assert.ok(held > 0)
})
