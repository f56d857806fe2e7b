/**
 * The layout of the project, checked: `docs/STYLE.md` in the form of a test.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { projectFiles, type TextFile } from './helpers/repository.ts'
import { codeOf, functionsOf, importsOf } from './helpers/source.ts'
import { tidyFaults } from './helpers/tidy.ts'

const header = '/**\n * Why this file exists.\n */\n'

/** A tree without faults, with `files` put in. */
function faultsOf(files: Readonly<Record<string, string>>): string[] {
  const tree = {
    'src/base/errors.ts': `${header}export const a = 1\n`,
    'src/model/key.ts': `${header}import { a } from '../base/errors.ts'\n`,
    'src/wire/frame.ts': `${header}import { a } from '../base/errors.ts'\n`,
    ...files,
  }
  return tidyFaults(Object.entries(tree).map(([path, text]): TextFile => ({ path, text })))
}

/** Asserts that the one file `path` with `code` has exactly one fault, and what it is. */
function refuses(path: string, code: string, fault: RegExp): void {
  const faults = faultsOf({ [path]: header + code })
  assert.equal(faults.length, 1, `${code}: ${faults.join('; ')}`)
  assert.match(faults[0]!, fault)
  assert.ok(faults[0]!.startsWith(`${path}:`))
}

function accepts(path: string, code: string): void {
  assert.deepEqual(faultsOf({ [path]: header + code }), [])
}

test('the project is tidy', () => {
  const files = projectFiles()
  assert.ok(files.some(({ path }) => path === 'src/base/errors.ts'))
  assert.deepEqual(tidyFaults(files), [])
})

test('a tree without faults is accepted', () => {
  assert.deepEqual(faultsOf({}), [])
})

test('an import against the direction of the layers is refused', () => {
  refuses('src/base/a.ts', "import { b } from '../model/key.ts'\n", /base imports model/)
  refuses('src/route/a.ts', "import { b } from '../wire/frame.ts'\n", /route imports wire/)
  refuses('src/route/a.ts', "import type { B } from '../wire/frame.ts'\n", /route imports wire/)
  refuses('src/route/a.ts', "export * from '../wire/frame.ts'\n", /route imports wire/)
  refuses('src/route/a.ts', "const b = await import('../wire/frame.ts')\n", /route imports wire/)
  refuses('src/shard.ts', "import {\n  b,\n  c,\n} from './wire/frame.ts'\n", /shard imports wire/)
  refuses('src/daemon.ts', "import './cli/main.ts'\n", /daemon imports cli/)
  refuses('src/wire/a.ts', "import { b } from '../../test/helpers/x.ts'\n", /wire imports test/)
  refuses('src/utils/a.ts', "import { b } from '../base/errors.ts'\n", /utils has no row/)
  accepts('src/route/a.ts', "import { b } from './b.ts'\nimport { c } from '../model/key.ts'\n")
  accepts('src/daemon.ts', "import { b } from './wire/frame.ts'\n")
  accepts('src/daemon/a.ts', "import { b } from '../wire/frame.ts'\n")
})

test('an import that is allowed for types is refused for values', () => {
  accepts('src/client/a.ts', "import type { View } from '../define/view.ts'\n")
  accepts('src/client/a.ts', "import { type View, type Source } from '../define/view.ts'\n")
  refuses('src/client/a.ts', "import { view } from '../define/view.ts'\n", /client imports define/)
  accepts('src/model/catalog.ts', "import type { TSchema } from 'typebox'\n")
  refuses('src/model/catalog.ts', "import { Type } from 'typebox'\n", /package typebox/)
})

test('a package is imported by its owner only', () => {
  accepts('src/wire/websocket.ts', "import { WebSocketServer } from 'ws'\n")
  accepts('src/validate/check.ts', "import { Compile } from 'typebox/compile'\n")
  accepts('src/wire/frame.ts', "import { readFile } from 'node:fs/promises'\n")
  refuses('src/wire/session.ts', "import WebSocket from 'ws'\n", /package ws/)
  refuses('src/shard.ts', "import { open } from 'lmdb'\n", /package lmdb/)
  refuses('src/serve/a.ts', "import { x } from '@duckdb/node-api'\n", /package @duckdb\/node-api/)
  refuses('src/serve/a.ts', "import { x } from 'left-pad'\n", /package left-pad/)
})

test('an import cycle is reported once, with its path, types included', () => {
  const faults = faultsOf({
    'src/wire/a.ts': `${header}import { b } from './b.ts'\n`,
    'src/wire/b.ts': `${header}import { c } from './c.ts'\n`,
    'src/wire/c.ts': `${header}import type { A } from './a.ts'\n`,
  })
  assert.equal(faults.length, 1)
  assert.match(faults[0]!, /src\/wire\/a.ts → src\/wire\/b.ts → src\/wire\/c.ts → src\/wire\/a.ts/)
})

test('long files, long lines, long functions and missing headers are reported', () => {
  refuses('src/wire/a.ts', 'let a = 1\n'.repeat(398), /file of 401 lines/)
  refuses('src/wire/a.ts', `let a = '${'x'.repeat(92)}'\n`, /:4 line of 102 columns/)
  accepts('src/wire/a.ts', `// https://example.com/${'x'.repeat(92)}\n`)
  refuses('src/wire/a.ts', `function f() {\n${'  f()\n'.repeat(69)}}\n`, /:4 function of 71 lines/)
  accepts('src/wire/a.ts', `function f() {\n${'  f()\n'.repeat(68)}}\n`)
  const faults = faultsOf({ 'workers/shard.ts': 'export const a = 1\n' })
  assert.deepEqual(faults, ['workers/shard.ts:1 no module header'])
  assert.deepEqual(faultsOf({ 'src/cli/main.ts': `#!/usr/bin/env node\n${header}` }), [])
})

test('banned calls are reported where they stand, and not in comments or strings', () => {
  refuses('src/wire/a.ts', '\nconst a = Date.now()\n', /a.ts:5 reads a clock/)
  refuses('test/wire/a.test.ts', 'const a = performance.now()\n', /reads a clock/)
  refuses('src/wire/a.ts', 'const a = `${new Date()}`\n', /reads a clock/)
  refuses('src/route/a.ts', 'const a = Math.random()\n', /Math.random/)
  refuses('src/serve/a.ts', 'console.log(1)\n', /console/)
  refuses('src/serve/a.ts', 'const a = process.env\n', /process.env/)
  refuses('src/serve/a.ts', 'const a = b as any\n', /as any/)
  refuses('src/serve/a.ts', 'export default 1\n', /export default/)
  refuses('test/serve/a.test.ts', 'setTimeout(f, 10)\n', /a sleep in a test/)
  accepts('src/serve/a.ts', 'setTimeout(f, 10)\n')
  accepts('src/cli/a.ts', 'console.log(1)\n')
  accepts('bench/a.ts', 'const a = performance.now() + Math.random()\n')
  accepts('workers/shard.ts', 'export default 1\n')
  accepts(
    'src/wire/a.ts',
    "// Never Date.now().\nconst a = 'Math.random()'\nconst b = /console./\n",
  )
})

test('leftovers, machine paths and registries are reported in any text', () => {
  // Each is cut by a `~`, or this file would be reported.
  const whole = (text: string): string => text.replace('~', '')
  refuses('src/wire/a.ts', whole('// TO~DO later\n'), /a leftover/)
  refuses('src/wire/a.ts', whole('// @ts-~ignore\n'), /a silenced compiler/)
  refuses('docs/start.md', whole('cd /~home/ada/millrace\n'), /a path of one machine/)
  refuses('docs/start.md', whole('https://regis~try.example.org/x\n'), /a package registry/)
  accepts('docs/start.md', 'See src/home/a.ts and /var/lib/millrace.\n')
})

test('code is told from strings, templates, comments and regular expressions', () => {
  const text = 'a(`x ${b({ c: `}` })} y`, /[/"]/, 1 / 2) // d\n'
  assert.equal(codeOf(text).replaceAll(/\s+/g, ''), 'a(b({c:}),,1/2)')
  assert.equal(codeOf(text).length, text.length)
  assert.deepEqual(importsOf("const a = `\nimport { b } from 'c'\n`\n"), [])
})

test('functions are measured from their first line to their last', () => {
  const method = 'class A {\n  async #b(\n    c: number,\n  ): Promise<void> {\n    c()\n  }\n}\n'
  assert.deepEqual(functionsOf(method), [{ line: 2, lines: 5 }])
  assert.deepEqual(functionsOf('const a = () => {\n  b()\n}\n'), [{ line: 1, lines: 3 }])
  assert.deepEqual(functionsOf('interface A {\n  b(c: number): void\n}\nif (a) {\n}\n'), [])
})
