/**
 * The rules of the project's text, as one pure function over a list of files.
 *
 * `docs/STYLE.md` says the same rules to people and why they are there.
 */
import { posix } from 'node:path'
import type { TextFile } from './repository.ts'
import { codeOf, functionsOf, importsOf, type Import } from './source.ts'

const stages = 'define wire journal route validate aggregate persist ledger serve'.split(' ')
const everyStage = ['base', 'model', 'access', 'metrics', ...stages]

/** What these stages are made of. */
const logs = ['journal', 'ledger']

/**
 * Who may import whom: by folder of `src/`, and a file at its root counts as the folder of its
 * name. Everyone may import from its own folder; `type x` allows imports that are gone at run time.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  base: [],
  model: ['base'],
  log: ['base'],
  access: ['base', 'model'],
  metrics: ['base'],
  ...Object.fromEntries(stages.map((stage) => [stage, ['base', 'model']])),
  ...Object.fromEntries(logs.map((stage) => [stage, ['base', 'model', 'log']])),
  compat: ['base', 'model', 'serve'],
  client: ['base', 'model', 'log', 'wire', 'type define'],
  load: ['base', 'model', 'wire'],
  duckdb: ['base', 'model'],
  batch: ['base', 'model', 'duckdb', 'validate'],
  shard: ['base', 'model', 'define', 'validate', 'aggregate', 'persist'],
  export: ['base', 'model', 'log', 'journal', 'ledger', 'validate', 'duckdb'],
  verify: 'base model log journal validate aggregate serve shard duckdb batch export'.split(' '),
  realtime: ['base', 'model', 'validate'],
  stored: ['base', 'aggregate', 'journal', 'ledger', 'persist', 'type shard'],
  intake: ['base', 'model', 'type journal', 'type route', 'type ledger', 'type metrics'],
  backfill: ['base', 'model', 'type journal', 'type persist', 'type route', 'type intake'],
  recovery: ['base', 'model', 'persist', 'route', 'journal', 'type intake'],
  daemon: [
    ...everyStage,
    'intake',
    'backfill',
    'recovery',
    'compat',
    'client',
    'shard',
    'realtime',
    'stored',
    'export',
    'verify',
  ],
  training: [...everyStage, 'log', 'duckdb', 'batch', 'export', 'stored', 'daemon', 'realtime'],
  kit: [...everyStage, 'client', 'shard', 'realtime'],
  index: [...everyStage, 'client', 'daemon', 'training', 'kit'],
  cli: [...everyStage, 'client', 'load', 'stored', 'daemon', 'training', 'kit', 'index'],
  workers: [
    'base',
    'model',
    'define',
    'batch',
    'shard',
    'realtime',
    'export',
    'verify',
    'training',
  ],
}

/** Who may import a package; a path that ends in `/` is a folder. */
const owners: Readonly<Record<string, readonly string[]>> = {
  '@duckdb/node-api': ['src/duckdb/'],
  '@msgpack/msgpack': ['src/model/msgpack.ts', 'src/wire/', 'src/client/'],
  esbuild: ['src/define/load.ts'],
  fastify: ['src/serve/', 'type src/compat/', 'type src/daemon/'],
  lmdb: ['src/persist/'],
  pino: ['src/cli/'],
  piscina: ['src/route/lane-thread.ts', 'src/realtime/thread.ts', 'src/training/pool.ts'],
  'prom-client': ['src/metrics/'],
  typebox: ['src/define/', 'src/validate/', 'type src/model/catalog.ts'],
  ws: ['src/wire/websocket.ts', 'type src/wire/', 'src/client/', 'src/load/link.ts'],
}

interface Ban {
  readonly what: string
  readonly pattern: RegExp
  /** Files the ban is for; all without it. */
  readonly only?: RegExp
  readonly except?: RegExp
}

/** Looked for in code: comments and strings are blanked. */
const bannedCode: readonly Ban[] = [
  {
    what: 'reads a clock',
    pattern: /\bDate\.now\b|\bperformance\.now\b|\bnew Date\(\)|\bprocess\.hrtime\b/,
    except: /^src\/base\/clock\.ts$|^bench\/|^examples\//,
  },
  { what: 'Math.random', pattern: /\bMath\.random\b/, except: /^src\/base\/|^bench\// },
  { what: 'console', pattern: /\bconsole\./, except: /^src\/cli\/|^examples\/|^bench\// },
  {
    what: 'process.env',
    pattern: /\bprocess\.env\b/,
    // Tests do not skip in continuous integration.
    except: /^src\/base\/config\.ts$|^test\/helpers\/ci\.ts$/,
  },
  { what: 'as any', pattern: /\bas any\b/ },
  { what: 'a sleep in a test', pattern: /\bset(?:Timeout|Interval)\(/, only: /^test\// },
  // Threads begin at a default export; tests have threads of their own.
  { what: 'export default', pattern: /^export default\b/m, except: /^(?:workers|test)\// },
]

/** Looked for in the whole text of every file, documentation included. */
const bannedText: readonly Ban[] = [
  // Written so that this file does not contain what it looks for.
  { what: 'a leftover', pattern: /\b(?:FIX[M]E|TO[D]O|XX[X])\b/ },
  { what: 'a silenced compiler', pattern: /@ts-(?:ig[n]ore|no[c]heck)/ },
  { what: 'a path of one machine', pattern: /(?<![\w.~\])}/-])\/(?:work|root|home|Users)\/\w/ },
  { what: 'a package registry', pattern: /\b(?:registry|npm|pkg)\.[a-z-]+\.(?:org|com|io|dev)\b/i },
]

const fileLinesMax = 400
const lineLengthMax = 100
const functionLinesMax = 70

/** Every fault of the files, a line each: `path:line what`. Empty when all is tidy. */
export function tidyFaults(files: readonly TextFile[]): string[] {
  const typescript = files
    .filter(({ path }) => /^(?:src|workers|bench|test|examples|docs)\/.*\.ts$/.test(path))
    .map((file) => ({ ...file, code: codeOf(file.text) }))
  const graph = new Map<string, string[]>()
  const faults = files.flatMap((file) => bannedIn(file, file.text, bannedText))
  for (const file of typescript) {
    const imports = importsOf(file.text, file.code)
    faults.push(...bannedIn(file, file.code, bannedCode), ...sizeFaults(file, file.code))
    if (!/^(?:src|workers)\//.test(file.path)) continue
    graph.set(
      file.path,
      imports.flatMap((one) => resolved(file.path, one) ?? []),
    )
    faults.push(...imports.flatMap((one) => importFault(file.path, one)))
  }
  return [...faults, ...cycles(graph)]
}

/** The first place of each banned thing in a file. */
function bannedIn({ path }: TextFile, text: string, bans: readonly Ban[]): string[] {
  return bans.flatMap(({ what, pattern, only, except }) => {
    if (only?.test(path) === false || except?.test(path) === true) return []
    const match = pattern.exec(text)
    return match === null
      ? []
      : [`${path}:${text.slice(0, match.index).split('\n').length} ${what}`]
  })
}

function sizeFaults({ path, text }: TextFile, code: string): string[] {
  const lines = text.replace(/\n$/, '').split('\n')
  const faults = lines.flatMap((line, i) =>
    line.length > lineLengthMax && !/https?:\/\/|^import |^export .* from /.test(line)
      ? [`${path}:${i + 1} line of ${line.length} columns, more than ${lineLengthMax}`]
      : [],
  )
  for (const { line, lines: count } of functionsOf(code)) {
    // A suite of tests is a list, not a function.
    if (count <= functionLinesMax || /^\s*(?:describe|suite)\(/.test(lines[line - 1]!)) continue
    faults.push(`${path}:${line} function of ${count} lines, more than ${functionLinesMax}`)
  }
  if (lines.length > fileLinesMax) {
    faults.push(`${path}:1 file of ${lines.length} lines, more than ${fileLinesMax}`)
  }
  if (/^(?:src|workers|bench)\//.test(path) && !/^(?:#!.*\n)?\/\*\*\n/.test(text)) {
    faults.push(`${path}:1 no module header`)
  }
  return faults
}

/** The project's file that a relative import names; null for a package or a module of Node. */
function resolved(path: string, { specifier }: Import): string | null {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : null
}

/** `src/wire/a.ts` → `wire`, `src/daemon.ts` → `daemon`, `workers/shard.ts` → `workers`. */
function layerOf(path: string): string {
  const [top, second] = path.split('/')
  return top === 'src' ? second!.replace(/\.ts$/, '') : top!
}

function importFault(path: string, one: Import): string[] {
  const target = resolved(path, one)
  const from = layerOf(path)
  if (allowed[from] === undefined) return [`${path}:1 ${from} has no row in the import table`]
  if (target !== null) {
    const to = layerOf(target)
    const may = allowed[from]
    if (to === from || may.includes(to) || (one.typeOnly && may.includes(`type ${to}`))) return []
    return [`${path}:1 ${from} imports ${to} (${one.specifier})`]
  }
  if (one.specifier.startsWith('node:')) return []
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(one.specifier)![0]
  if ((owners[name] ?? []).some((owner) => owns(owner, path, one.typeOnly))) return []
  return [`${path}:1 imports the package ${name}, which it does not own`]
}

function owns(owner: string, path: string, typeOnly: boolean): boolean {
  if (owner.startsWith('type ')) return typeOnly && owns(owner.slice(5), path, typeOnly)
  return owner.endsWith('/') ? path.startsWith(owner) : path === owner
}

/** One line for each import that closes a cycle; type-only imports count. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const faults: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0)
      faults.push(`${path}:1 import cycle: ${[...trail.slice(start), path].join(' → ')}`)
    if (start >= 0 || done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return faults
}
