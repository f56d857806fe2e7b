/**
 * `millrace training-set`: the values that reads of a service would have given at moments of the
 * past, one row for each row of a file.
 */
import { resolve } from 'node:path'
import { trainingOptions } from '../base/config.ts'
import {
  knowledges,
  type Knowledge,
  type ReceivedFacts,
  type TrainingManifest,
} from '../training/manifest.ts'
import { originText } from '../model/origins.ts'
import type { TrainingSetOptions } from '../training/options.ts'
import {
  jsonFlag,
  parseCommand,
  usageInvalid,
  type CommandHelp,
  type Run,
  type StopSignal,
} from './command.ts'
import { exitCodes, signalNumbers } from './exit-codes.ts'

export const trainingSetHelp = {
  name: 'training-set',
  usage: '<features.ts> --service S --spine FILE --out FILE [options]',
  summary: 'Makes a training set: the features at moments of the past, from batch sources',
  options: trainingOptions,
  flags: {
    service: { type: 'string', placeholder: 'S', description: 'A feature service or a view.' },
    spine: {
      type: 'string',
      placeholder: 'FILE',
      description: 'Parquet, CSV or NDJSON with the join keys and a moment in each row.',
    },
    out: {
      type: 'string',
      placeholder: 'FILE',
      description: 'The file to make: .parquet, .csv, .ndjson or .jsonl.',
    },
    time: {
      type: 'string',
      placeholder: 'COLUMN',
      description: 'Column of the spine with the moment; without it the only one with times.',
    },
    as: {
      type: 'string',
      placeholder: 'WHAT',
      description:
        'What counts: event-time, all that had happened; served, what a daemon had received.',
    },
    data: {
      type: 'string',
      placeholder: 'DIR',
      description:
        'Data directory of that daemon, whose secret approximate functions hash by, too.',
    },
    json: jsonFlag,
  },
} as const satisfies CommandHelp

/** @param make  Makes the set; paths are absolute. */
export function trainingSetCommand(
  make: (options: TrainingSetOptions) => Promise<TrainingManifest>,
): Run {
  return async (args, io) => {
    const one = { min: 1, max: 1 }
    const { positionals, options, flags } = parseCommand(trainingSetHelp, args, one, io.environment)
    const needed = (flag: string): string => {
      const value = flags[flag]
      if (typeof value === 'string' && value !== '') return value
      throw usageInvalid(`--${flag} is needed: millrace training-set ${trainingSetHelp.usage}`)
    }
    const { time, as, data } = flags
    const stop = new AbortController()
    let stopped: StopSignal | null = null
    const stopListening = io.onSignal((signal) => {
      stopped = signal
      // A second one ends the process.
      stopListening()
      stop.abort()
    })
    const making = make({
      ...options,
      features: resolve(positionals[0]!),
      service: needed('service'),
      spine: resolve(needed('spine')),
      out: resolve(needed('out')),
      ...(typeof time === 'string' && { timeColumn: time }),
      ...(typeof as === 'string' && { as: knowledgeOf(as) }),
      ...(typeof data === 'string' && { dataDir: resolve(data) }),
      signal: stop.signal,
    })
    const manifest = await making
      .catch((thrown: unknown) => {
        if (stopped === null) throw thrown
        return null
      })
      .finally(stopListening)
    if (manifest === null) {
      io.err('millrace: stopped; nothing is made')
      return 128 + signalNumbers[stopped!]
    }
    if (flags['json'] === true) io.out(JSON.stringify(manifest))
    else for (const line of manifestLines(manifest)) io.out(line)
    return exitCodes.ok
  }
}

function knowledgeOf(as: string): Knowledge {
  const known = knowledges.find((each) => each === as)
  if (known === undefined) throw usageInvalid(`--as takes ${knowledges.join(' or ')}`)
  return known
}

function manifestLines({ out, spine, sources, begins, realtime }: TrainingManifest): string[] {
  const { length } = out.columns
  const lines = [`${out.file} has ${out.rows} rows of ${length} columns, sha256 ${out.sha256}`]
  if (spine.rows === 0) lines.push('the spine has no rows')
  for (const { name, from, rejected, firstRejected } of sources) {
    if (typeof from === 'object' && 'journal' in from) lines.push(...receivedLines(name, from))
    const counts = Object.entries(rejected).map(([code, count]) => `${count} ${code}`)
    if (counts.length > 0) lines.push(`of "${name}", rows were rejected: ${counts.join(', ')}`)
    for (const row of firstRejected) lines.push(`  ${originText(row)}: ${row.message}`)
  }
  for (const { view, at } of begins) {
    lines.push(`"${view}" begins at ${at}: what was before is from a batch source, and is left out`)
  }
  for (const { view, failed, failure } of realtime) {
    if (failed > 0)
      lines.push(`"${view}" has failed for ${failed} rows, the first time: ${failure}`)
  }
  return lines
}

/** What is no longer there of what had been received. */
function receivedLines(name: string, { knownFrom, unreadable }: ReceivedFacts): string[] {
  const lines: string[] = []
  if (knownFrom !== null) {
    lines.push(`of "${name}", it is not known any more what arrived before ${knownFrom}`)
  }
  if (unreadable > 0) {
    lines.push(`of "${name}", ${unreadable} events are missing: no row can be made of them`)
  }
  return lines
}
