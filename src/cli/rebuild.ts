/**
 * `millrace rebuild`: makes shards anew from the journal, in a data directory that is not in use.
 */
import { resolve } from 'node:path'
import { daemonOptions } from '../base/config.ts'
import type { Rebuilt, RebuildOptions } from '../daemon/rebuild.ts'
import { jsonFlag, parseCommand, usageInvalid, type CommandHelp, type Run } from './command.ts'
import { exitCodes } from './exit-codes.ts'

const { dataDir, threads, stateBytesMax } = daemonOptions

export const rebuildHelp = {
  name: 'rebuild',
  usage: '<features.ts> [options]',
  summary: 'Makes damaged shards of a data directory that is not in use anew from the journal',
  options: { dataDir, threads, stateBytesMax },
  flags: {
    shard: {
      type: 'string',
      placeholder: 'N,N',
      description: 'These shards, damaged or not; without it those that are damaged.',
    },
    json: jsonFlag,
  },
} as const satisfies CommandHelp

export function rebuildCommand(
  rebuild: (options: RebuildOptions) => Promise<readonly Rebuilt[]>,
): Run {
  return async (args, io) => {
    const one = { min: 1, max: 1 }
    const { positionals, options, flags } = parseCommand(rebuildHelp, args, one, io.environment)
    const features = resolve(positionals[0]!)
    const rebuilt = shardsOf(flags['shard'] as string | undefined)
    const done = await rebuild({ ...options, dataDir: resolve(options.dataDir), features, rebuilt })
    if (flags['json'] === true) io.out(JSON.stringify({ rebuilt: done }))
    else for (const line of rebuiltLines(done)) io.out(line)
    return exitCodes.ok
  }
}

function shardsOf(given: string | undefined): readonly number[] | null {
  if (given === undefined) return null
  const numbers = given.split(',')
  if (numbers.every((each) => /^\d{1,3}$/.test(each))) return [...new Set(numbers.map(Number))]
  throw usageInvalid('--shard takes numbers of shards: 0,3')
}

function rebuiltLines(done: readonly Rebuilt[]): string[] {
  if (done.length === 0) return ['no shard is damaged']
  return done.map(({ shard, aside, facts }) => {
    const made = `shard ${shard} was rebuilt up to position ${facts['position']}`
    return aside === null ? made : `${made}; what was there is in ${aside}`
  })
}
