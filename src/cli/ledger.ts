/**
 * `millrace ledger`: the events that a running daemon did not count, and their replay.
 *
 * Pages are followed until what was asked for is there; every request is small for the daemon.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { clientOptions } from '../base/config.ts'
import { MillraceError, printable, reasonOf } from '../base/errors.ts'
import {
  jsonFlag,
  parseCommand,
  usageInvalid,
  type CommandHelp,
  type Io,
  type Run,
} from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { jsonText } from './json-text.ts'
import {
  entriesText,
  replayText,
  summaryText,
  unknownText,
  type Entry,
  type Outcome,
  type Page,
} from './ledger-text.ts'
import { fetchJson, postJson, type Server } from './server.ts'

export const ledgerHelp = {
  name: 'ledger',
  usage: '<list|export|replay> [options]',
  summary: 'Lists the events that were not counted, exports or replays them',
  options: clientOptions,
  flags: {
    source: { type: 'string', placeholder: 'S', description: 'Only events of this source.' },
    producer: { type: 'string', placeholder: 'P', description: 'Only events of this producer.' },
    code: { type: 'string', placeholder: 'C', description: 'Only events with this error code.' },
    after: { type: 'string', placeholder: 'ID', description: 'Only entries behind this one.' },
    limit: {
      type: 'string',
      placeholder: 'N',
      description: 'Entries, at most; list has 100 when nothing is said.',
    },
    out: { type: 'string', placeholder: 'FILE', description: 'Where export writes, as NDJSON.' },
    'dry-run': { type: 'boolean', description: 'Only tell what replay would do.' },
    json: jsonFlag,
  },
} as const satisfies CommandHelp

type Flags = Readonly<Record<string, string | boolean | undefined>>

/** What can be asked for, and the flags that only it has. */
const actions = {
  list: { run: list, flags: [] },
  export: { run: exportTo, flags: ['out'] },
  replay: { run: replay, flags: ['dry-run'] },
} as const

const filters = ['source', 'producer', 'code'] as const
const listedStandard = 100

/** Entries of one request. */
const pageEntries = 1000

export const runLedger: Run = async (args, io) => {
  const one = { min: 1, max: 1 }
  const { positionals, options, flags } = parseCommand(ledgerHelp, args, one, io.environment)
  const name = positionals[0]!
  if (!Object.hasOwn(actions, name)) throw usageInvalid(`there is no "ledger ${name}"`)
  const action = actions[name as keyof typeof actions]
  const mine: readonly string[] = action.flags
  for (const flag of ['out', 'dry-run']) {
    if (flags[flag] !== undefined && !mine.includes(flag)) {
      throw usageInvalid(`"ledger ${name}" has no flag --${flag}`)
    }
  }
  return action.run(options, flags, io)
}

async function list(server: Server, flags: Flags, io: Io): Promise<number> {
  const entries: Entry[] = []
  let last: Page | null = null
  for await (const page of pages(server, flags, listedStandard)) {
    entries.push(...page.entries)
    last = page
  }
  const { next, summary } = last!
  if (flags['json'] === true) {
    io.out(jsonText({ entries, next, summary }))
    return exitCodes.ok
  }
  const unknown = entries.length === 0 ? unknownText(filterOf(flags), summary) : []
  const lines = [...entriesText(entries, next), ...unknown, '', ...summaryText(summary)]
  for (const line of lines) io.out(line)
  return exitCodes.ok
}

async function exportTo(server: Server, flags: Flags, io: Io): Promise<number> {
  const path = flags['out'] as string | undefined
  if (path === undefined) throw usageInvalid('"ledger export" needs --out FILE')
  const file = await openOutput(path)
  let count = 0
  try {
    for await (const { entries } of pages(server, flags, Infinity)) {
      count += entries.length
      await file.write(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
    }
    await file.sync()
  } finally {
    await file.close()
  }
  io.out(flags['json'] === true ? JSON.stringify({ exported: count }) : `${count} entries exported`)
  return exitCodes.ok
}

async function openOutput(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'w')
  } catch (error) {
    throw new MillraceError('FILE_UNWRITABLE', { file, reason: reasonOf(error) }, { cause: error })
  }
}

async function replay(server: Server, flags: Flags, io: Io): Promise<number> {
  const dryRun = flags['dry-run'] === true
  const total = newOutcome()
  let left = wholeOf(flags, 'limit') ?? Infinity
  let after = wholeOf(flags, 'after') ?? 0
  // Entries that come of the replay itself are not meant.
  let upTo: number | undefined
  for (let isDone = false; !isDone;) {
    const limit = Math.min(left, pageEntries)
    const request = { ...filterOf(flags), after, upTo, limit, dryRun }
    const part = (await postJson(server, '/v1/ledger/replay', request)) as Outcome
    addOutcome(total, part)
    upTo = part.upTo
    left -= lookedAt(part)
    isDone = part.next === null || left <= 0
    after = part.next ?? after
    total.next = part.next
  }
  if (flags['json'] === true) io.out(jsonText(total))
  else for (const line of replayText(total, dryRun)) io.out(printable(line, 2000))
  return total.rejected === 0 ? exitCodes.ok : exitCodes.data
}

/** Pages of entries until there are as many as the flags ask for. */
async function* pages(server: Server, flags: Flags, limitOtherwise: number): AsyncGenerator<Page> {
  let left = wholeOf(flags, 'limit') ?? limitOtherwise
  let after: number | null = wholeOf(flags, 'after') ?? 0
  while (after !== null && left > 0) {
    const limit = Math.min(left, pageEntries)
    const query = new URLSearchParams({
      ...filterOf(flags),
      after: String(after),
      limit: String(limit),
    })
    const page = (await fetchJson(server, `/v1/ledger?${query.toString()}`)) as Page
    yield page
    left -= page.entries.length
    after = page.next
  }
}

function filterOf(flags: Flags): Record<string, string> {
  const given = filters.flatMap((name) => {
    const value = flags[name]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  return Object.fromEntries(given)
}

function wholeOf(flags: Flags, name: 'limit' | 'after'): number | null {
  const text = flags[name]
  if (text === undefined) return null
  const number = /^\d+$/.test(String(text)) ? Number(text) : Number.NaN
  const min = name === 'limit' ? 1 : 0
  if (Number.isSafeInteger(number) && number >= min) return number
  throw usageInvalid(`--${name}: "${String(text)}" is not a whole number from ${min} on`)
}

function lookedAt({ replayed, skipped }: Outcome): number {
  return replayed + skipped.partial + skipped.replayed + skipped.sourceUnknown
}

function newOutcome(): Outcome {
  return {
    replayed: 0,
    accepted: 0,
    rejected: 0,
    skipped: { partial: 0, replayed: 0, sourceUnknown: 0 },
    sourcesUnknown: [],
    next: null,
    upTo: 0,
  }
}

function addOutcome(total: Outcome, part: Outcome): void {
  total.replayed += part.replayed
  total.accepted += part.accepted
  total.rejected += part.rejected
  total.skipped.partial += part.skipped.partial
  total.skipped.replayed += part.skipped.replayed
  total.skipped.sourceUnknown += part.skipped.sourceUnknown
  total.sourcesUnknown = [...new Set([...total.sourcesUnknown, ...part.sourcesUnknown])]
  total.upTo = part.upTo
}
