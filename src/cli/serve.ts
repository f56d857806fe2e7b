/**
 * `millrace serve`: runs the daemon until a signal.
 *
 * The first SIGTERM or SIGINT drains: intake stops, what was taken is finished and checkpointed,
 * exit 0. The second closes at once, exit 128 + the signal's number; nothing that was acknowledged
 * is lost either way. A daemon that fails ends the command with its error.
 */
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import { daemonOptions } from '../base/config.ts'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { bannerText, type Definitions } from './banner.ts'
import {
  jsonFlag,
  parseCommand,
  type CommandHelp,
  type Io,
  type Run,
  type StopSignal,
} from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { fetchJson } from './server.ts'

export const serveHelp = {
  name: 'serve',
  usage: '<features.ts> [options]',
  summary: 'Runs the daemon: takes events and serves the features of a file',
  options: daemonOptions,
  flags: { json: { ...jsonFlag, description: 'Print the start as one line of JSON.' } },
} as const satisfies CommandHelp

/** What the command needs of a daemon. */
export interface Served {
  readonly url: string
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
  readonly shards: number
  readonly threads: number
  readonly stateBytesMax: number
  readonly checkpointMs: number
  readonly retainBytesMax: number
  readonly retainMsMax: number
  readonly log: Logger
}

const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const

/** @param start  Starts the daemon; resolves when it serves. */
export function serveCommand(start: (options: StartOptions) => Promise<Served>): Run {
  return async (args, io) => {
    const one = { min: 1, max: 1 }
    const { positionals, options, flags } = parseCommand(serveHelp, args, one, io.environment)
    const { logLevel, ...rest } = options
    const features = resolve(positionals[0]!)
    const dataDir = resolve(rest.dataDir)
    const { destination, pino } = await import('pino')
    const log = pino({ level: logLevel }, destination({ dest: 2, sync: true }))
    const daemon = await start({ ...rest, features, dataDir, log })
    const ended = untilStopped(daemon, io)
    const definitions = (await fetchJson(daemon.url, '/v1/definitions')) as Definitions
    if (flags['json'] === true) io.out(JSON.stringify({ url: daemon.url, dataDir }))
    else io.out(bannerText({ url: daemon.url, file: positionals[0]!, dataDir, definitions }))
    return ended
  }
}

/** Resolves to the exit code when the daemon has drained or was closed. */
function untilStopped(daemon: Served, io: Io): Promise<number> {
  const { promise, settle, fail } = settled<number>()
  let first = true
  daemon.closed.catch(fail)
  const stopListening = io.onSignal((signal) => {
    if (first) {
      first = false
      io.err(`millrace: ${signal}: draining; once more closes at once`)
      daemon.drain().then(() => settle(exitCodes.ok), fail)
      return
    }
    stopListening()
    closeNow(daemon, signal, io).then(settle, fail)
  })
  return promise.finally(stopListening)
}

async function closeNow(daemon: Served, signal: StopSignal, io: Io): Promise<number> {
  try {
    await daemon.close()
  } catch (error) {
    io.err(`millrace: ${error instanceof MillraceError ? error.message : reasonOf(error)}`)
  }
  return 128 + signalNumbers[signal]
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
