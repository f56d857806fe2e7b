/**
 * `millrace verify`: whether what is served is what the journal says; of a daemon that runs, or of
 * a data directory that is not in use.
 */
import { resolve } from 'node:path'
import { clientOptions, daemonOptions } from '../base/config.ts'
import { MillraceError } from '../base/errors.ts'
import { verifiedKeysMax, verifiedKeysStandard } from '../base/limits.ts'
import type { Certificate } from '../model/certificate.ts'
import { jsonFlag, parseCommand, usageInvalid, type CommandHelp, type Run } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { fetchJson, postJson, type Server } from './server.ts'
import { certificateLines } from './verify-text.ts'

export const verifyHelp = {
  name: 'verify',
  usage: '[<features.ts> --data DIR] [options]',
  summary: 'Counts the journal again and compares with what is served',
  options: { ...clientOptions, dataDir: daemonOptions.dataDir },
  flags: {
    keys: {
      type: 'string',
      placeholder: 'N',
      description: `Keys of each view, at most; ${verifiedKeysStandard} when nothing is said.`,
    },
    seed: { type: 'string', placeholder: 'N', description: 'Which keys, where there are more.' },
    json: jsonFlag,
  },
} as const satisfies CommandHelp

export interface VerifyOptions {
  readonly features: string
  readonly dataDir: string
  readonly keys: number
  readonly seed: number
}

/** Time between two looks at whether the daemon has done, ms. */
const lookMs = 200

/** @param verifyStopped  Verifies a directory that no daemon has open. */
export function verifyCommand(
  verifyStopped: (options: VerifyOptions) => Promise<Certificate>,
): Run {
  return async (args, io) => {
    const any = { min: 0, max: 1 }
    const { positionals, options, given, flags } = parseCommand(
      verifyHelp,
      args,
      any,
      io.environment,
    )
    const keys = wholeOf('--keys', flags['keys'], verifiedKeysStandard, verifiedKeysMax)
    const seed = wholeOf('--seed', flags['seed'], 0, 2 ** 31 - 1)
    const [features] = positionals
    if (features === undefined && given.has('dataDir') && !given.has('url')) {
      throw usageInvalid('a data directory is verified by its features file: millrace verify FILE')
    }
    const certificate =
      features === undefined
        ? await askDaemon(options, { keys, seed })
        : await verifyStopped({
            features: resolve(features),
            dataDir: resolve(options.dataDir),
            keys,
            seed,
          })
    if (flags['json'] === true) io.out(JSON.stringify(certificate))
    else for (const line of certificateLines(certificate)) io.out(line)
    return certificate.isEqual ? exitCodes.ok : exitCodes.data
  }
}

interface Told {
  readonly isRunning: boolean
  readonly runs: number
  readonly failure: string | null
  readonly certificate: Certificate | null
}

/** Has a running daemon verify, and waits for what comes of it. */
async function askDaemon(
  server: Server,
  request: { readonly keys: number; readonly seed: number },
): Promise<Certificate> {
  const { runs } = (await postJson(server, '/v1/verify', request)) as Told
  for (;;) {
    const told = (await fetchJson(server, '/v1/verify')) as Told
    if (told.runs > runs) {
      if (told.failure === null) return told.certificate!
      throw new MillraceError('CLIENT_REFUSED', { reason: told.failure })
    }
    await new Promise((resolve) => {
      setTimeout(resolve, lookMs)
    })
  }
}

function wholeOf(flag: string, given: unknown, otherwise: number, max: number): number {
  if (given === undefined) return otherwise
  const value = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : NaN
  if (value <= max && (flag === '--seed' || value > 0)) return value
  throw usageInvalid(`${flag} takes a whole number up to ${max}`)
}
