/**
 * What the process's exit code and a hint say about an error: one table, by error code.
 *
 * The numbers follow BSD's `sysexits.h`. `docs/reference/cli.md` lists them.
 */
import { errorTable, MillraceError, type ErrorCode } from '../base/errors.ts'

export const exitCodes = {
  ok: 0,
  failure: 1,
  /** The command was used wrongly. */
  usage: 64,
  /** Data was refused: an event, a key, or a store that cannot be read. */
  data: 65,
  /** A file of input cannot be read. */
  noInput: 66,
  /** A fault of our own. */
  internal: 70,
  /** A file of output cannot be written. */
  noOutput: 73,
  /** The data directory is in use. */
  locked: 75,
  /** The features file or an option is wrong. */
  config: 78,
} as const

/** A command that a signal ends exits with 128 and the signal's number. */
export const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const

type Exit = keyof typeof exitCodes

interface ExitRow {
  readonly exit: Exit
  /** What to do about it. */
  readonly hint?: string
}

/** Codes that are not in it exit by {@link standardExit}. */
const exitTable: Partial<Record<ErrorCode, ExitRow>> = {
  USAGE_INVALID: { exit: 'usage', hint: 'see "millrace help"' },
  FILE_UNREADABLE: { exit: 'noInput' },
  FILE_UNWRITABLE: { exit: 'noOutput' },

  DEFINITION_INVALID: { exit: 'config' },
  DEFINITION_LOAD: { exit: 'config' },
  DEFINITION_CHANGED: { exit: 'config' },
  DEFINITION_MISSING: { exit: 'config' },
  CONFIG_INVALID: { exit: 'config', hint: 'see "millrace help <command>" for every option' },

  POST_PROCESSOR_FAILED: { exit: 'data' },
  TRANSFORM_FAILED: { exit: 'data' },
  REQUEST_INVALID: { exit: 'data' },
  KEY_INVALID: { exit: 'data', hint: 'keys are given as name=value' },
  TOO_MANY_KEYS: { exit: 'data' },
  SOURCE_UNKNOWN: { exit: 'failure', hint: 'GET /v1/definitions lists the sources' },
  FEATURES_UNKNOWN: {
    exit: 'failure',
    hint: 'GET /v1/definitions lists the services and views',
  },

  STORE_LOCKED: { exit: 'locked', hint: 'stop that process, or choose another --data' },
  STORE_FORMAT: {
    exit: 'data',
    hint: 'use the version that wrote the store, or another --data; nothing was changed',
  },
  STORE_CORRUPT: { exit: 'data', hint: 'keep a copy of the data directory before anything else' },
  JOURNAL_CORRUPT: { exit: 'data', hint: 'keep a copy of the data directory before anything else' },
  LEDGER_CORRUPT: {
    exit: 'data',
    hint: 'keep a copy of the data directory; without its ledger/ the daemon starts a new one',
  },
  REBUILD_INCOMPLETE: { exit: 'data', hint: 'nothing was changed; a backup may help' },

  CLIENT_UNREACHABLE: { exit: 'failure', hint: 'is the daemon running? --url says where' },
}

/** What to do about an error of the operating system. */
const systemHints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there; choose another --port, or 0 for any free one',
  EACCES: 'this user may not; choose another --data or --port',
  ENOSPC: 'the disk is full',
}

/** An error of the operating system: its message says what was tried on what. */
export function isSystemError(thrown: unknown): thrown is Error & { readonly code: string } {
  return thrown instanceof Error && 'syscall' in thrown && 'code' in thrown
}

export interface Verdict {
  readonly exitCode: number
  readonly hint: string | null
}

/** The exit code and hint for anything thrown. */
export function verdictOf(thrown: unknown): Verdict {
  if (isSystemError(thrown)) {
    return { exitCode: exitCodes.failure, hint: systemHints[thrown.code] ?? null }
  }
  if (!(thrown instanceof MillraceError)) return { exitCode: exitCodes.internal, hint: null }
  const { code } = thrown
  const row = exitTable[code]
  const exit = row?.exit ?? standardExit(code)
  return { exitCode: exitCodes[exit], hint: row?.hint ?? null }
}

function standardExit(code: ErrorCode): Exit {
  if (code.startsWith('EVENT_')) return 'data'
  return errorTable[code].domain === 'internal' ? 'internal' : 'failure'
}
