import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorTable, MillraceError, type ErrorCode } from '../../src/base/errors.ts'
import { verdictOf } from '../../src/cli/exit-codes.ts'

function exitOf(code: ErrorCode): number {
  return verdictOf(new MillraceError(code)).exitCode
}

test('an exit code says what kind of thing went wrong', () => {
  assert.equal(exitOf('USAGE_INVALID'), 64)
  assert.equal(exitOf('EVENT_FIELD_TYPE'), 65)
  assert.equal(exitOf('STORE_FORMAT'), 65)
  assert.equal(exitOf('INTERNAL'), 70)
  assert.equal(exitOf('STORE_CORRUPT'), 65)
  assert.equal(exitOf('SHARD_FAILED'), 70)
  assert.equal(exitOf('STALLED'), 70)
  assert.equal(exitOf('CHECKPOINT_FAILED'), 70)
  assert.equal(exitOf('STORE_LOCKED'), 75)
  assert.equal(exitOf('CONFIG_INVALID'), 78)
  assert.equal(exitOf('DEFINITION_CHANGED'), 78)
  assert.equal(exitOf('DEFINITION_MISSING'), 78)
  assert.equal(exitOf('FILE_UNREADABLE'), 66)
  assert.equal(exitOf('FILE_UNWRITABLE'), 73)
  assert.equal(exitOf('CLIENT_TIMEOUT'), 1)
})

test('every event code exits 65', () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    if (code.startsWith('EVENT_')) assert.equal(exitOf(code), 65, code)
  }
})

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall })
}

test('an error of the operating system says what is wrong with the machine', () => {
  for (const [code, syscall, exitCode, hint] of [
    ['EADDRINUSE', 'listen', 1, /--port/],
    ['EACCES', 'listen', 1, /--port/],
    ['EACCES', 'mkdir', 73, /--data/],
    ['EROFS', 'open', 73, /read-only/],
    ['ENOTDIR', 'mkdir', 73, /file stands in the way/],
    ['EEXIST', 'mkdir', 73, /file stands in the way/],
    ['ENOSPC', 'write', 73, /full/],
    ['EIO', 'fdatasync', 74, /failing/],
    ['EMFILE', 'open', 71, /ulimit/],
    ['ENOENT', 'open', 1, null],
  ] as const) {
    const verdict = verdictOf(systemError(code, syscall))
    assert.equal(verdict.exitCode, exitCode, `${syscall} ${code}`)
    if (hint === null) assert.equal(verdict.hint, null)
    else assert.match(verdict.hint!, hint)
  }
})

test('anything not raised on purpose is our own fault', () => {
  assert.deepEqual(verdictOf(new TypeError('x')), { exitCode: 70, hint: null })
  assert.deepEqual(verdictOf('thrown text'), { exitCode: 70, hint: null })
})
