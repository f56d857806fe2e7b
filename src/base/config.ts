/**
 * The options of the daemon and of the commands: one table is flag, environment variable, check,
 * default and documentation.
 *
 * Precedence: 1. what is given (a command-line flag, or an option of a program), 2. the
 * environment, `MILLRACE_…`, 3. the default. An empty variable counts as unset. An option that
 * nobody knows is refused wherever it stands, and all problems are reported at once. The only
 * file that reads the environment of the process.
 */
import { availableParallelism } from 'node:os'
import { parseDuration } from './duration.ts'
import { MillraceError } from './errors.ts'
import { shardsMax } from './limits.ts'

/** A checked value, or why it is refused. */
type Parsed<T> = { readonly value: T } | { readonly refused: string }

/** What a flag, a variable or a program gives. */
type Given = string | number

export interface Option<T> {
  /** Flag of the command line, without the dashes. */
  readonly flag: string
  /** Environment variable. */
  readonly variable: string
  /** What stands for the value in help. */
  readonly placeholder: string
  /** What applies when nothing is given, as it is written. */
  readonly standard: () => Given
  /** One sentence for help and documentation. */
  readonly description: string
  readonly parse: (given: Given) => Parsed<T>
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>

/** A table's options after defaults. */
export type Resolved<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never
}

/** Variables as the process has them. */
export type Environment = Readonly<Record<string, string | undefined>>

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
type LogLevel = (typeof logLevels)[number]

/** Options of `millrace serve` and of `startMillrace`. */
export const daemonOptions = {
  dataDir: {
    flag: 'data',
    variable: 'MILLRACE_DATA',
    placeholder: 'DIR',
    standard: () => './data',
    description: 'Directory of the journal and the stores; made when it does not exist.',
    parse: parseText,
  },
  port: {
    flag: 'port',
    variable: 'MILLRACE_PORT',
    placeholder: 'N',
    standard: () => 4800,
    description: 'TCP port for HTTP and WebSocket; 0 takes any free one.',
    parse: (given: Given) => parseWhole(given, 0, 65_535),
  },
  host: {
    flag: 'host',
    variable: 'MILLRACE_HOST',
    placeholder: 'H',
    standard: () => '127.0.0.1',
    description: 'Address to listen on; 0.0.0.0 is every interface.',
    parse: parseText,
  },
  shards: {
    flag: 'shards',
    variable: 'MILLRACE_SHARDS',
    placeholder: 'N',
    standard: () => 16,
    description: 'Parts of the key space; fixed when the data directory is created.',
    parse: (given: Given) => parseWhole(given, 1, shardsMax),
  },
  threads: {
    flag: 'threads',
    variable: 'MILLRACE_THREADS',
    placeholder: 'N',
    // One core is left for the sockets and the journal.
    standard: () => Math.min(Math.max(1, availableParallelism() - 1), shardsMax),
    description: 'Threads that own the shards; the default leaves one core for the sockets.',
    parse: (given: Given) => parseWhole(given, 1, shardsMax),
  },
  stateBytesMax: {
    flag: 'memory',
    variable: 'MILLRACE_MEMORY',
    placeholder: 'SIZE',
    standard: () => '512MiB',
    description: 'State held in memory by all threads together; colder keys live on disk.',
    parse: (given: Given) => parseSize(given, 1024 * 1024),
  },
  checkpointMs: {
    flag: 'checkpoint',
    variable: 'MILLRACE_CHECKPOINT',
    placeholder: 'TIME',
    standard: () => '10s',
    description: 'Time between checkpoints; a start replays the journal of that time at most.',
    parse: parsePeriod,
  },
  retainBytesMax: {
    flag: 'journal-size',
    variable: 'MILLRACE_JOURNAL_SIZE',
    placeholder: 'SIZE',
    standard: () => '8GiB',
    description: 'Journal kept beyond the last checkpoint, by size.',
    parse: (given: Given) => parseSize(given),
  },
  retainMsMax: {
    flag: 'journal-age',
    variable: 'MILLRACE_JOURNAL_AGE',
    placeholder: 'TIME',
    standard: () => '7d',
    description: 'Journal kept beyond the last checkpoint, by age.',
    parse: parsePeriod,
  },
  ledgerBytesMax: {
    flag: 'ledger-size',
    variable: 'MILLRACE_LEDGER_SIZE',
    placeholder: 'SIZE',
    standard: () => '256MiB',
    description: 'Events that were not counted, kept by size; the oldest go first.',
    parse: (given: Given) => parseSize(given, 1024 * 1024),
  },
  ledgerMsMax: {
    flag: 'ledger-age',
    variable: 'MILLRACE_LEDGER_AGE',
    placeholder: 'TIME',
    standard: () => '30d',
    description: 'Events that were not counted, kept by age.',
    parse: parsePeriod,
  },
  logLevel: {
    flag: 'log-level',
    variable: 'MILLRACE_LOG_LEVEL',
    placeholder: 'LEVEL',
    standard: () => 'info',
    description: `Least severe log line that is written: ${logLevels.join(', ')}.`,
    parse: parseLogLevel,
  },
} as const satisfies OptionTable

/** Options of the commands that talk to a running daemon. */
export const clientOptions = {
  url: {
    flag: 'url',
    variable: 'MILLRACE_URL',
    placeholder: 'U',
    standard: () => 'http://127.0.0.1:4800',
    description: 'Where the daemon listens.',
    parse: parseUrl,
  },
} as const satisfies OptionTable

const tables: readonly OptionTable[] = [daemonOptions, clientOptions]

/**
 * Resolves every option of a table.
 *
 * @param given  By option name; undefined counts as not given.
 * @throws {@link MillraceError} `CONFIG_INVALID`, which lists every problem, a line each.
 */
export function resolveOptions<T extends OptionTable>(
  table: T,
  given: Readonly<Record<string, Given | undefined>>,
  environment: Environment = process.env,
): Resolved<T> {
  const problems: MillraceError[] = [
    ...unknownGiven(table, given),
    ...unknownVariables(environment),
  ]
  const resolved: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(table)) {
    const { path, value } = source(name, option, given, environment)
    const parsed = option.parse(value)
    if ('value' in parsed) resolved[name] = parsed.value
    else problems.push(problem(path, parsed.refused))
  }
  if (problems.length === 1) throw problems[0]!
  if (problems.length > 1) throw together(problems)
  return resolved as Resolved<T>
}

/** Where an option's value comes from, in order of precedence. */
function source(
  name: string,
  option: Option<unknown>,
  given: Readonly<Record<string, Given | undefined>>,
  environment: Environment,
): { path: string; value: Given } {
  // 1. What is given.
  const value = given[name]
  if (value !== undefined) return { path: `--${option.flag}`, value }
  // 2. The environment.
  const variable = environment[option.variable]
  if (variable !== undefined && variable !== '') return { path: option.variable, value: variable }
  // 3. The default.
  return { path: name, value: option.standard() }
}

function unknownGiven(table: OptionTable, given: Readonly<Record<string, unknown>>) {
  return Object.keys(given)
    .filter((name) => !Object.hasOwn(table, name))
    .map((name) => problem(name, 'no such option'))
}

function unknownVariables(environment: Environment): MillraceError[] {
  const known = new Set(tables.flatMap((table) => Object.values(table).map((row) => row.variable)))
  return Object.keys(environment)
    .filter((name) => name.startsWith('MILLRACE_') && !known.has(name))
    .map((name) => problem(name, 'no such variable'))
}

function problem(path: string, reason: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', { path, reason })
}

function together(problems: readonly MillraceError[]): MillraceError {
  const { details } = problems[0]!
  const lines = problems.map((each) => each.message).join('\n  ')
  const message = `${problems.length} problems\n  ${lines}`
  return new MillraceError('CONFIG_INVALID', { ...details, count: problems.length }, { message })
}

/** Bytes of a size as people write it: `'512MiB'`, `'2GB'`, `'1048576'`. */
export function parseSize(given: Given, bytesMin = 0): Parsed<number> {
  const match = /^(\d+(?:\.\d+)?)\s*(B|[KMGT]i?B)?$/i.exec(String(given).trim())
  const unit = match?.[2]?.toUpperCase() ?? 'B'
  const step = unit.includes('I') ? 1024 : 1000
  const bytes = Math.floor(Number(match?.[1]) * step ** 'BKMGT'.indexOf(unit.charAt(0)))
  if (match === null || !Number.isSafeInteger(bytes)) {
    return { refused: `"${given}" is not a size such as "512MiB" or "2GB"` }
  }
  if (bytes < bytesMin) return { refused: `${bytes} bytes is less than ${bytesMin}` }
  return { value: bytes }
}

/** Milliseconds: a program gives their number, people write a duration. */
function parsePeriod(given: Given): Parsed<number> {
  if (typeof given === 'number') return parseWhole(given, 1, Number.MAX_SAFE_INTEGER)
  try {
    return { value: parseDuration(given, 'duration') }
  } catch {
    return { refused: `"${given}" is not a duration such as "90s", "12h" or "7d"` }
  }
}

function parseWhole(given: Given, min: number, max: number): Parsed<number> {
  const text = String(given).trim()
  const value = Number(text)
  if (!/^-?\d+$/.test(text) || value < min || value > max) {
    return { refused: `"${given}" is not a whole number from ${min} to ${max}` }
  }
  return { value }
}

function parseText(given: Given): Parsed<string> {
  const text = String(given)
  return text.trim() === '' || text.includes('\0') ? { refused: 'is empty' } : { value: text }
}

function parseLogLevel(given: Given): Parsed<LogLevel> {
  const level = logLevels.find((each) => each === given)
  return level === undefined
    ? { refused: `"${given}" is not one of ${logLevels.join(', ')}` }
    : { value: level }
}

/** An HTTP base URL, without a slash at its end. */
function parseUrl(given: Given): Parsed<string> {
  const url = URL.canParse(String(given)) ? new URL(String(given)) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    return { refused: `"${given}" is not a URL such as "http://127.0.0.1:4800"` }
  }
  return { value: url.href.replace(/\/+$/, '') }
}
