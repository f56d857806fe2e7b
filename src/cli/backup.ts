/**
 * `millrace backup`: copies a data directory, whether or not a daemon has it open.
 */
import { resolve } from 'node:path'
import { daemonOptions } from '../base/config.ts'
import { jsonFlag, parseCommand, type CommandHelp, type Run } from './command.ts'
import { exitCodes } from './exit-codes.ts'

export const backupHelp = {
  name: 'backup',
  usage: '<DIR> [options]',
  summary: 'Copies a data directory, in use or not, into a new directory',
  options: { dataDir: daemonOptions.dataDir },
  flags: { json: jsonFlag },
} as const satisfies CommandHelp

/** What is told of a backup. */
export interface BackedUp {
  readonly incarnation: string
  readonly position: number
  readonly files: Readonly<Record<string, { readonly bytes: number }>>
}

/** @param backUp  Copies a directory to another one, by their absolute paths. */
export function backupCommand(backUp: (dataDir: string, to: string) => Promise<BackedUp>): Run {
  return async (args, io) => {
    const one = { min: 1, max: 1 }
    const { positionals, options, flags } = parseCommand(backupHelp, args, one, io.environment)
    const to = resolve(positionals[0]!)
    const { incarnation, position, files } = await backUp(resolve(options.dataDir), to)
    const sizes = Object.values(files).map(({ bytes }) => bytes)
    const bytes = sizes.reduce((sum, each) => sum + each, 0)
    if (flags['json'] === true) {
      io.out(JSON.stringify({ dir: to, incarnation, position, files: sizes.length, bytes }))
    } else {
      const what = `${sizes.length} files, ${bytes} bytes, read through`
      io.out(`${to} has all events up to position ${position}: ${what}`)
    }
    return exitCodes.ok
  }
}
