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
import { MillraceError } from './errors.ts'
import { shardsMax } from './limits.ts'
import { loadOptions } from './load-options.ts'
import { trainingOptions } from './training-options.ts'
import {
  logLevels,
  parseApiKey,
  parseAgeOrNone,
  parseLogLevel,
  parseOrigins,
  parsePeriod,
  parsePeriodOrNone,
  parseSize,
  parseSizeOrNone,
  parseText,
  parseTextOrNone,
  parseUrl,
  parseWhole,
  type Given,
  type Option,
  type OptionTable,
} from './option.ts'

export { loadOptions, trainingOptions }

/** A table's options after defaults. */
export type Resolved<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never
}

/** Variables as the process has them. */
export type Environment = Readonly<Record<string, string | undefined>>

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
    description: 'Address to listen on; one that is not of this machine alone takes --insecure.',
    parse: parseText,
  },
  allowedOrigins: {
    flag: 'allow-origin',
    variable: 'MILLRACE_ALLOW_ORIGIN',
    placeholder: 'URLS',
    standard: () => 'none',
    description: 'Origins of web pages that may ask, with commas between.',
    parse: parseOrigins,
  },
  tlsCert: {
    flag: 'tls-cert',
    variable: 'MILLRACE_TLS_CERT',
    placeholder: 'FILE',
    standard: () => 'none',
    description: 'Certificate chain, PEM: serves HTTPS and wss, and nothing else.',
    parse: parseTextOrNone,
  },
  tlsKey: {
    flag: 'tls-key',
    variable: 'MILLRACE_TLS_KEY',
    placeholder: 'FILE',
    standard: () => 'none',
    description: 'Private key of the certificate, PEM.',
    parse: parseTextOrNone,
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
  offlineMs: {
    flag: 'offline-interval',
    variable: 'MILLRACE_OFFLINE_INTERVAL',
    placeholder: 'TIME',
    standard: () => '5m',
    description: 'Time between two writes of events into the offline log.',
    parse: parsePeriod,
  },
  offlineBytesMax: {
    flag: 'offline-size',
    variable: 'MILLRACE_OFFLINE_SIZE',
    placeholder: 'SIZE',
    standard: () => 'none',
    description: 'Offline log kept, by size; the oldest files go first.',
    parse: parseSizeOrNone,
  },
  offlineMsMax: {
    flag: 'offline-age',
    variable: 'MILLRACE_OFFLINE_AGE',
    placeholder: 'TIME',
    standard: () => 'none',
    description: 'Offline log kept, by age of the days that it is cut into.',
    parse: parseAgeOrNone,
  },
  verifyMs: {
    flag: 'verify-interval',
    variable: 'MILLRACE_VERIFY_INTERVAL',
    placeholder: 'TIME',
    standard: () => '0',
    description: 'Time between two verifications of what is served; 0 for none.',
    parse: parsePeriodOrNone,
  },
  producersMax: {
    flag: 'producers',
    variable: 'MILLRACE_PRODUCERS',
    placeholder: 'N',
    standard: () => 100_000,
    description: 'Producers that are known at a time; a new name beyond is refused.',
    parse: (given: Given) => parseWhole(given, 1, 10_000_000),
  },
  producerMsMax: {
    flag: 'producer-age',
    variable: 'MILLRACE_PRODUCER_AGE',
    placeholder: 'TIME',
    standard: () => '7d',
    description: 'Time after which a producer that was not seen may be forgotten.',
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
  apiKey: {
    flag: 'api-key',
    variable: 'MILLRACE_API_KEY',
    placeholder: 'KEY',
    standard: () => 'none',
    description: 'API key to come with; a flag is seen by others of this machine.',
    parse: parseApiKey,
  },
} as const satisfies OptionTable

const tables: readonly OptionTable[] = [daemonOptions, clientOptions, loadOptions, trainingOptions]

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

/** The options that a flag or a variable gives: those that are not left to their defaults. */
export function givenOptions(
  table: OptionTable,
  given: Readonly<Record<string, Given | undefined>>,
  environment: Environment = process.env,
): ReadonlySet<string> {
  const names = Object.entries(table)
    .filter(([name, option]) => !source(name, option, given, environment).isDefault)
    .map(([name]) => name)
  return new Set(names)
}

/** Where an option's value comes from, in order of precedence. */
function source(
  name: string,
  option: Option<unknown>,
  given: Readonly<Record<string, Given | undefined>>,
  environment: Environment,
): { path: string; value: Given; isDefault: boolean } {
  // 1. What is given.
  const value = given[name]
  if (value !== undefined) return { path: `--${option.flag}`, value, isDefault: false }
  // 2. The environment.
  const variable = environment[option.variable]
  if (variable !== undefined && variable !== '') {
    return { path: option.variable, value: variable, isDefault: false }
  }
  // 3. The default.
  return { path: name, value: option.standard(), isDefault: true }
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
