/**
 * `millrace inspect`: what is in a data directory that no daemon has open, and what is wrong.
 */
import { resolve } from 'node:path'
import { daemonOptions } from '../base/config.ts'
import { printable } from '../base/errors.ts'
import type { Damage, InspectedPart, Inspection, Remedy } from '../stored/inspect.ts'
import { jsonFlag, parseCommand, type CommandHelp, type Run } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { alignColumns } from './table.ts'

export const inspectHelp = {
  name: 'inspect',
  usage: '[options]',
  summary: 'Tells what is in a data directory that is not in use, and what is damaged',
  options: { dataDir: daemonOptions.dataDir },
  flags: {
    verify: { type: 'boolean', description: 'Read every byte, not only what a start reads.' },
    json: jsonFlag,
  },
} as const satisfies CommandHelp

/** What can be done about a part. */
const remedies: Readonly<Record<Remedy, string>> = {
  rebuild: 'the journal has all of it: see "millrace rebuild"',
  renew: 'without it, the next start begins a new one; keep a copy',
  backup: 'the journal does not have all of it; put a backup back, or keep a copy and ask for help',
}

/** @param inspect  Looks through the directory of an absolute path. */
export function inspectCommand(
  inspect: (dataDir: string, isWhole: boolean) => Promise<Inspection>,
): Run {
  return async (args, io) => {
    const none = { min: 0, max: 0 }
    const { options, flags } = parseCommand(inspectHelp, args, none, io.environment)
    const found = await inspect(resolve(options.dataDir), flags['verify'] === true)
    if (flags['json'] === true) io.out(JSON.stringify(found))
    else for (const line of inspectionLines(found)) io.out(printable(line, 2000))
    return found.isSound ? exitCodes.ok : exitCodes.data
  }
}

function inspectionLines({ dataDir, parts, isWhole, isSound }: Inspection): string[] {
  const rows = parts.map(({ name, state, facts }) => [name, state, factsText(facts)])
  const read = isWhole ? 'every byte was read' : 'read as far as a start reads; --verify reads all'
  return [
    dataDir,
    ...alignColumns(rows, '  '),
    ...parts.flatMap(damageLines),
    `${isSound ? 'no damage was found' : 'damaged'}: ${read}`,
  ]
}

function factsText(facts: InspectedPart['facts']): string {
  return Object.entries(facts)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

function damageLines({ name, damage, damageCount, remedy }: InspectedPart): string[] {
  const more = damageCount - damage.length
  return [
    ...damage.map((one) => `${placeOf(one)}: ${one.reason}`),
    ...(more > 0 ? [`${name}: and ${more} more`] : []),
    ...(remedy === null ? [] : [`  ${name}: ${remedies[remedy]}`]),
  ]
}

function placeOf({ file, offset }: Damage): string {
  return offset === null ? file : `${file} at byte ${offset}`
}
