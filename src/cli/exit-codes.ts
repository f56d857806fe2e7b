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
  /** A fault of our own, or of the disk: what was not acknowledged is unknown. */
  internal: 70,
  /** The system has no more of something: descriptors, memory, processes. */
  system: 71,
  /** A file of output, or the data directory, cannot be written. */
  noOutput: 73,
  /** Reading or writing a file failed. */
  io: 74,
  /** The data directory is in use. */
  locked: 75,
  /** Who asks may not: an API key is missing, unknown, or not for this. */
  noPermission: 77,
  /** The features file or an option is wrong. */
  config: 78,
  /** Something hangs and cannot be ended in good order: by SIGKILL, as a shell tells it. */
  killed: 137,
} as const

/** A command that a signal ends exits with 128 and the signal's number. */
export const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

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

  BATCH_MISSING: { exit: 'config', hint: 'give the source a batch: parquet(…), csv(…), …' },
  BATCH_COLUMNS: { exit: 'config' },
  BATCH_FILE: { exit: 'config' },
  BATCH_CHANGED: { exit: 'data' },
  QUERY_FAILED: { exit: 'data' },
  SPINE_INVALID: { exit: 'data' },

  POST_PROCESSOR_FAILED: { exit: 'data' },
  TRANSFORM_FAILED: { exit: 'data' },
  REQUEST_INVALID: { exit: 'data' },
  KEY_INVALID: { exit: 'data', hint: 'keys are given as name=value' },
  KEY_NOT_INDEXED: { exit: 'data' },
  REQUEST_DATA_INVALID: { exit: 'data', hint: 'request data is given with --request' },
  TOO_MANY_KEYS: { exit: 'data' },
  ANSWER_TOO_LARGE: { exit: 'data' },
  TOO_MANY_ROWS: { exit: 'data' },
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
  BACKUP_INVALID: { exit: 'data' },
  REBUILD_INCOMPLETE: { exit: 'data', hint: 'nothing was changed; a backup may help' },

  STORE_GONE: { exit: 'internal', hint: 'who has removed, moved or mounted over it?' },
  STALLED: { exit: 'internal', hint: 'the disk does not answer; the next start recovers' },

  UNAUTHORIZED: { exit: 'noPermission', hint: 'MILLRACE_API_KEY, or --api-key, says which' },
  FORBIDDEN: { exit: 'noPermission' },

  CLIENT_UNREACHABLE: { exit: 'failure', hint: 'is the daemon running? --url says where' },
}

/** Errors of the operating system; those that are not in it, and all of `listen`, exit with 1. */
const systemTable: Readonly<Record<string, ExitRow>> = {
  EADDRINUSE: {
    exit: 'failure',
    hint: 'another process listens there; choose another --port, or 0 for any free one',
  },
  EACCES: { exit: 'noOutput', hint: 'this user may not; choose another --data or --port' },
  EPERM: { exit: 'noOutput', hint: 'this user may not; choose another --data' },
  EROFS: { exit: 'noOutput', hint: 'the disk is read-only; choose another --data' },
  ENOTDIR: { exit: 'noOutput', hint: 'a file stands in the way; choose another --data' },
  EEXIST: { exit: 'noOutput', hint: 'a file stands in the way; choose another --data' },
  ENOSPC: { exit: 'noOutput', hint: 'the disk is full' },
  EDQUOT: { exit: 'noOutput', hint: 'the quota of this user is used up' },
  EIO: { exit: 'io', hint: 'the disk is failing; keep a copy of the data directory' },
  EMFILE: { exit: 'system', hint: 'raise the limit of open files: ulimit -n, LimitNOFILE=' },
  ENFILE: { exit: 'system', hint: 'the machine has too many open files' },
  ENOMEM: { exit: 'system', hint: 'the machine has no more memory' },
}

/** An error of the operating system: its message says what was tried on what. */
export function isSystemError(thrown: unknown): thrown is SystemError {
  return thrown instanceof Error && 'syscall' in thrown && 'code' in thrown
}

interface SystemError extends Error {
  readonly code: string
  readonly syscall: string
}

export interface Verdict {
  readonly exitCode: number
  readonly hint: string | null
}

/** The exit code and hint for anything thrown. */
export function verdictOf(thrown: unknown): Verdict {
  if (isSystemError(thrown)) {
    const { exit = 'failure', hint = null } = systemTable[thrown.code] ?? {}
    const isNetwork = thrown.syscall === 'listen' || thrown.syscall === 'connect'
    return { exitCode: exitCodes[isNetwork ? 'failure' : exit], hint }
  }
  if (!(thrown instanceof MillraceError)) return { exitCode: exitCodes.internal, hint: null }
  const { code } = thrown
  return { exitCode: exitCodeOf(code), hint: exitTable[code]?.hint ?? null }
}

/** The exit code for an error of ours, as a daemon tells it, too. */
export function exitCodeOf(code: ErrorCode): number {
  return exitCodes[exitTable[code]?.exit ?? standardExit(code)]
}

function standardExit(code: ErrorCode): Exit {
  if (code.startsWith('EVENT_')) return 'data'
  return errorTable[code].domain === 'internal' ? 'internal' : 'failure'
}
