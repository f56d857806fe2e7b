import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { clientOptions, daemonOptions, loadOptions } from '../../src/base/config.ts'
import type { Option } from '../../src/base/option.ts'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { runCli } from '../../src/cli/run.ts'
import { testIo } from '../helpers/io.ts'
import { root } from '../helpers/repository.ts'

test('help lists every command, and is what a bare call prints', async () => {
  const io = testIo()
  assert.equal(await runCli(['help'], io), 0)
  for (const name of ['serve', 'check', 'push', 'get', 'load', 'help']) {
    assert.match(io.outLines[0]!, new RegExp(`^  ${name} `, 'm'))
  }
  for (const args of [[], ['--help'], ['-h']]) {
    const other = testIo()
    assert.equal(await runCli(args, other), 0)
    assert.deepEqual(other.outLines, io.outLines)
  }
})

test('help of a command lists its flags with their variables and defaults', async () => {
  for (const args of [
    ['help', 'serve'],
    ['serve', '--help'],
  ]) {
    const io = testIo()
    assert.equal(await runCli(args, io), 0)
    for (const { flag, variable } of Object.values(daemonOptions)) {
      assert.match(io.outLines[0]!, new RegExp(`--${flag} .*${variable}, default `))
    }
  }
})

test('--version prints the version of the package', async () => {
  const io = testIo()
  assert.equal(await runCli(['--version'], io), 0)
  const path = createRequire(import.meta.url).resolve('millrace/package.json')
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
  assert.deepEqual(io.outLines, [version])
})

test('a command line that makes no sense exits 64 with a reason and a hint', async () => {
  const cases: [string[], RegExp][] = [
    [['fly'], /there is no command "fly"/],
    [['help', 'fly'], /there is no command "fly"/],
    [['get'], /usage: millrace get /],
    [['get', 'a', 'b'], /"b" is not key=value/],
    [['get', 'a', '=b'], /"=b" is not key=value/],
    [['get', 'a', '--fast'], /Unknown option '--fast'/],
    [['get', 'a', '--url'], /--url/],
    [['get', 'a', 'b=1', 'b=2'], /"b" is given more than once/],
    [['get', 'a', '--leading-edge', 'now'], /"now" is not one of wall-clock, latest-event/],
    [['ledger', 'list', '--limit', '0'], /--limit: "0" is not a whole number from 1 on/],
    [['ledger', 'list', '--after', 'x'], /--after: "x" is not a whole number from 0 on/],
    [['serve'], /usage: millrace serve /],
    [['push', 'a', 'b'], /usage: millrace push /],
    [['check'], /usage: millrace check /],
  ]
  for (const [args, reason] of cases) {
    const io = testIo()
    assert.equal(await runCli(args, io), exitCodes.usage, args.join(' '))
    assert.match(io.errLines[0]!, /^millrace: /)
    assert.match(io.errLines[0]!, reason)
    assert.match(io.errLines[1]!, /^ {2}hint: /)
    assert.deepEqual(io.outLines, [])
  }
})

test('every wrong option is a line of its own, and exits 78', async () => {
  const io = testIo('', { MILLRACE_SHARDS: '0' })
  assert.equal(await runCli(['serve', 'f.ts', '--port', 'x', '--memory', '1'], io), 78)
  assert.deepEqual(io.errLines, [
    'millrace: 3 problems (CONFIG_INVALID)',
    '  --port: "x" is not a whole number from 0 to 65535',
    '  MILLRACE_SHARDS: "0" is not a whole number from 1 to 64',
    '  --memory: 1 bytes is less than 1048576',
    '  hint: see "millrace help <command>" for every option',
  ])
})

test('the reference has every flag, variable, default and exit code', () => {
  const page = readFileSync(join(root, 'docs/reference/cli.md'), 'utf8')
  const { threads, ...rest } = daemonOptions
  for (const { flag, variable } of [threads]) {
    assert.match(page, new RegExp(`\\| \`--${flag}\` +\\| \`${variable}\` +\\| cores`))
  }
  const tables = [rest, clientOptions, loadOptions]
  for (const option of tables.flatMap((table) => Object.values<Option<unknown>>(table))) {
    const cells = [`--${option.flag}`, option.variable, String(option.standard())]
    const row = cells.map((cell) => `\`${cell.replaceAll('.', '\\.')}\` +`).join('\\| ')
    assert.match(page, new RegExp(`^\\| ${row}\\|`, 'm'))
  }
  for (const code of Object.values(exitCodes)) {
    assert.match(page, new RegExp(`^\\| ${code} +\\|`, 'm'))
  }
})
