/**
 * `millrace restore`: makes a data directory of a backup.
 */
import { resolve } from 'node:path'
import { daemonOptions } from '../base/config.ts'
import type { Restored } from '../stored/restore.ts'
import { jsonFlag, parseCommand, type CommandHelp, type Run } from './command.ts'
import { exitCodes } from './exit-codes.ts'

export const restoreHelp = {
  name: 'restore',
  usage: '<DIR> [options]',
  summary: 'Makes a new data directory of a backup',
  options: { dataDir: daemonOptions.dataDir },
  flags: { json: jsonFlag },
} as const satisfies CommandHelp

/** @param restore  Makes a data directory of a backup, by their absolute paths. */
export function restoreCommand(
  restore: (backupDir: string, dataDir: string) => Promise<Restored>,
): Run {
  return async (args, io) => {
    const one = { min: 1, max: 1 }
    const { positionals, options, flags } = parseCommand(restoreHelp, args, one, io.environment)
    const dataDir = resolve(options.dataDir)
    const { position, incarnation } = await restore(resolve(positionals[0]!), dataDir)
    if (flags['json'] === true) io.out(JSON.stringify({ dataDir, position, incarnation }))
    else {
      io.out(`${dataDir} has all events up to position ${position}`)
      io.out('producers that were told more will say so: its incarnation is a new one')
    }
    return exitCodes.ok
  }
}
