/**
 * `millrace serve`: runs the daemon until a signal.
 *
 * The first SIGTERM, SIGINT or SIGHUP drains: intake stops, what was taken is finished and
 * checkpointed, exit 0. The second closes at once, exit 128 + the signal's number, even when a
 * shard thread hangs; nothing that was acknowledged is lost either way. A daemon that fails ends
 * the command with its error. One that then cannot let go of what it holds has to be killed: a
 * process does not exit while a call of it into the system hangs.
 */
import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import { daemonOptions } from '../base/config.ts'
import { MillraceError, printable, reasonOf } from '../base/errors.ts'
import { closeMsMax, drainEndMsMax } from '../base/limits.ts'
import { bannerText, type Definitions } from './banner.ts'
import { jsonFlag, parseCommand, type CommandHelp, type Io, type Run } from './command.ts'
import { exitCodes, signalNumbers } from './exit-codes.ts'
import { escapedJson } from './json-text.ts'

export const serveHelp = {
  name: 'serve',
  usage: '<features.ts> [options]',
  summary: 'Runs the daemon: takes events and serves the features of a file',
  options: daemonOptions,
  flags: {
    json: { ...jsonFlag, description: 'Print the start as one line of JSON.' },
    insecure: {
      type: 'boolean',
      description: 'Listen where other machines can ask, though there are no API keys.',
    },
    'drop-missing': {
      type: 'boolean',
      description: 'Give up the state of views and sources that are no longer defined.',
    },
  },
} as const satisfies CommandHelp

/** What the command needs of a daemon. */
export interface Served {
  readonly url: string
  /** Its HTTP routes: asked from here, whatever certificate it has. */
  readonly http: { inject(path: string): Promise<{ readonly body: string }> }
  /** Settles when the daemon has ended; rejects with the failure that ended it. */
  readonly closed: Promise<void>
  drain(): Promise<void>
  close(): Promise<void>
}

export interface StartOptions {
  readonly features: string
  readonly dataDir: string
  readonly port: number
  readonly host: string
  readonly insecure: boolean
  readonly allowedOrigins: readonly string[]
  readonly tlsCert: string | null
  readonly tlsKey: string | null
  /** What was asked for; without it, a store that exists keeps what it has. */
  readonly shards?: number
  readonly threads: number
  readonly stateBytesMax: number
  readonly checkpointMs: number
  readonly retainBytesMax: number
  readonly retainMsMax: number
  readonly ledgerBytesMax: number
  readonly ledgerMsMax: number
  readonly offlineMs: number
  readonly offlineBytesMax: number
  readonly offlineMsMax: number
  readonly verifyMs: number
  readonly producersMax: number
  readonly producerMsMax: number
  readonly dropMissing: boolean
  readonly log: Logger
}

/** Runs once after `delayMs`; the returned function calls it off. */
type After = (delayMs: number, run: () => void) => () => void

const systemAfter: After = (delayMs, run) => {
  const timer = setTimeout(run, delayMs)
  return () => clearTimeout(timer)
}

/**
 * @param start  Starts the daemon; resolves when it serves.
 * @param after  The process's timer, or a test's.
 */
export function serveCommand(
  start: (options: StartOptions) => Promise<Served>,
  after: After = systemAfter,
): Run {
  return async (args, io) => {
    const one = { min: 1, max: 1 }
    const parsed = parseCommand(serveHelp, args, one, io.environment)
    const { positionals, options, given, flags } = parsed
    const { logLevel, shards, ...others } = options
    const rest = { ...others, ...(given.has('shards') && { shards }) }
    const features = resolve(positionals[0]!)
    const dataDir = resolve(rest.dataDir)
    // Before the start: a misspelt name should not leave a data directory behind.
    await assertExists(features)
    const { destination, pino } = await import('pino')
    const stderr = destination({ dest: 2, sync: true })
    const log = pino(
      { level: logLevel },
      { write: (line: string) => stderr.write(escapedLine(line)) },
    )
    const dropMissing = flags['drop-missing'] === true
    const insecure = flags['insecure'] === true
    const daemon = await start({ ...rest, features, dataDir, insecure, dropMissing, log })
    const ended = untilStopped(daemon, io, after)
    const { body } = await daemon.http.inject('/v1/definitions')
    const definitions = JSON.parse(body) as Definitions
    if (flags['json'] === true) io.out(JSON.stringify({ url: daemon.url, dataDir }))
    else io.out(bannerText({ url: daemon.url, file: positionals[0]!, dataDir, definitions }))
    return ended
  }
}

/** A line of the log, its end kept. */
function escapedLine(line: string): string {
  return `${escapedJson(line.trimEnd())}\n`
}

async function assertExists(file: string): Promise<void> {
  try {
    await access(file)
  } catch (error) {
    throw new MillraceError('DEFINITION_LOAD', { file, reason: reasonOf(error) }, { cause: error })
  }
}

/** Resolves to the exit code when the daemon has drained or was closed. */
function untilStopped(daemon: Served, io: Io, after: After): Promise<number> {
  const { promise, settle, fail } = settled<number>()
  let first = true
  daemon.closed.catch(async (failure: unknown) => {
    if (await isClosedInTime(daemon, after)) fail(failure)
    else settle(mustBeKilled(failure, io))
  })
  const stopListening = io.onSignal((signal) => {
    if (first) {
      first = false
      io.err(`millrace: ${signal}: draining; once more closes at once`)
      const callOff = after(drainEndMsMax, () => {
        io.err(`millrace: not drained within ${drainEndMsMax} ms; ending regardless`)
        settle(exitCodes.internal)
      })
      void daemon
        .drain()
        .then(() => settle(exitCodes.ok), fail)
        .finally(callOff)
      return
    }
    stopListening()
    const exitCode = 128 + signalNumbers[signal]
    const callOff = after(closeMsMax, () => {
      io.err(`millrace: not closed within ${closeMsMax} ms; ending regardless`)
      settle(exitCode)
    })
    // A failure that the close brings about is told there, and does not change the code.
    void closeNow(daemon, io).then(() => {
      callOff()
      settle(exitCode)
    })
  })
  return promise.finally(stopListening)
}

/** Whether a daemon that has failed lets go of its threads and files. */
function isClosedInTime(daemon: Served, after: After): Promise<boolean> {
  return new Promise((resolve) => {
    const callOff = after(closeMsMax, () => resolve(false))
    // It rejects with the failure that is told anyway.
    const closed = daemon.close().catch(() => undefined)
    void closed.then(() => {
      callOff()
      resolve(true)
    })
  })
}

function mustBeKilled(failure: unknown, io: Io): number {
  io.err(`millrace: ${printable(reasonOf(failure), 2000)}`)
  io.err(`millrace: something still hangs after ${closeMsMax} ms; ending by SIGKILL`)
  return exitCodes.killed
}

async function closeNow(daemon: Served, io: Io): Promise<void> {
  try {
    await daemon.close()
  } catch (error) {
    io.err(`millrace: ${error instanceof MillraceError ? error.message : reasonOf(error)}`)
  }
}

function settled<T>() {
  let settle!: (value: T) => void
  let fail!: (reason: unknown) => void
  const promise = new Promise<T>((resolve, reject) => {
    settle = resolve
    fail = reject
  })
  return { promise, settle, fail }
}
