/**
 * The unit for systemd: systemd takes it, and its numbers are those of the program.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { drainEndMsMax } from '../../src/base/limits.ts'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { skipWithout } from '../helpers/ci.ts'
import { temporaryDir } from '../helpers/daemons.ts'
import { isThere } from '../helpers/inject.ts'
import { root } from '../helpers/repository.ts'

const unit = readFileSync(join(root, 'examples/systemd/millrace.service'), 'utf8')

/** The value of a setting. */
function valueOf(name: string): string {
  const [, value] = new RegExp(`^${name}=(.*)$`, 'm').exec(unit) ?? []
  assert.ok(value !== undefined, name)
  return value
}

test('what would end the same is not started again, and a drain has its time', () => {
  const { usage, data, noInput, config } = exitCodes
  const never = valueOf('RestartPreventExitStatus').split(' ').map(Number)
  assert.deepEqual(never, [usage, data, noInput, config])
  assert.ok(Number(valueOf('TimeoutStopSec')) * 1000 > drainEndMsMax)
})

test('systemd takes the unit', async (t) => {
  if (!isThere('systemd-analyze')) return skipWithout(t, 'systemd-analyze')
  const path = join(await temporaryDir(t), 'millrace.service')
  // The program is not installed here.
  writeFileSync(path, unit.replace('/usr/bin/millrace', process.execPath))
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path])
  assert.equal(status, 0, String(stderr))
  assert.equal(String(stderr), '')
})
