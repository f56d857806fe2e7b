/**
 * The ledger in lines for people. Names and messages came from anywhere: they are escaped.
 */
import { printable } from '../base/errors.ts'
import { alignColumns } from './table.ts'

/** An entry of `GET /v1/ledger`, as far as it is printed. */
export interface Entry {
  readonly id: number
  readonly arrived: string
  readonly producer: string
  readonly sequence: number
  readonly source: string
  readonly code: string
  readonly path: string
  readonly message: string
  readonly isPartial: boolean
  readonly isReplayed: boolean
  readonly replayOf: number | null
}

export interface Summary {
  readonly entries: number
  readonly bytes: number
  readonly dropped: number
  readonly replayed: number
  readonly counts: readonly Count[]
  readonly other: { readonly rejected: number; readonly partial: number }
}

interface Count {
  readonly producer: string
  readonly source: string
  readonly code: string
  readonly rejected: number
  readonly partial: number
}

/** The body of `GET /v1/ledger`. */
export interface Page {
  readonly entries: readonly Entry[]
  readonly next: number | null
  readonly summary: Summary
}

/** What `POST /v1/ledger/replay` answers, or several of it together. */
export interface Outcome {
  replayed: number
  accepted: number
  rejected: number
  readonly skipped: { partial: number; replayed: number; sourceUnknown: number }
  sourcesUnknown: readonly string[]
  upTo: number
  next: number | null
}

/** @param next  Where more of them follow; null when these are all. */
export function entriesText(entries: readonly Entry[], next: number | null): string[] {
  if (entries.length === 0) return ['no entries']
  const lines = alignColumns([
    ['ID', 'ARRIVED', 'PRODUCER', 'SEQUENCE', 'SOURCE', 'CODE', 'STATE', 'REASON'],
    ...entries.map((entry) =>
      [
        String(entry.id),
        entry.arrived,
        entry.producer,
        String(entry.sequence),
        entry.source,
        entry.code,
        stateText(entry),
        reasonText(entry),
      ].map((cell) => printable(cell)),
    ),
  ])
  return next === null ? lines : [...lines, `more behind: --after ${entries.at(-1)!.id}`]
}

/**
 * What a filter names that the ledger has never counted: perhaps it is misspelt.
 *
 * @param filter  By the members of a count.
 */
export function unknownText(
  filter: Readonly<Record<string, string>>,
  { counts, other }: Summary,
): string[] {
  // Of what is counted together, nobody knows the names.
  if (other.rejected + other.partial > 0) return []
  return Object.entries(filter).flatMap(([name, value]) => {
    const known = [...new Set(counts.map((count) => count[name as 'source']))]
    if (known.includes(value)) return []
    const others = known.length === 0 ? '' : `; it knows ${known.join(', ')}`
    return [printable(`the ledger knows no ${name} "${value}"${others}`, 2000)]
  })
}

export function summaryText(summary: Summary): string[] {
  const { entries, bytes, dropped, replayed, counts, other } = summary
  const mib = (bytes / 2 ** 20).toFixed(1)
  const rest = { producer: '(other)', source: '', code: '', ...other }
  const hasOther = other.rejected + other.partial > 0
  const rows = hasOther ? [...counts, rest] : counts
  return [
    `${entries} entries kept in ${mib} MiB, ${dropped} dropped, ${replayed} replayed`,
    ...alignColumns([
      ['PRODUCER', 'SOURCE', 'CODE', 'REJECTED', 'PARTIAL'],
      ...rows.map(({ producer, source, code, rejected, partial }) =>
        [producer, source, code, String(rejected), String(partial)].map((cell) => printable(cell)),
      ),
    ]),
  ]
}

export function replayText(outcome: Outcome, isDryRun: boolean): string[] {
  const { replayed, accepted, rejected, skipped, sourcesUnknown } = outcome
  const names = sourcesUnknown.map((name) => `"${name}"`).join(', ')
  return [
    isDryRun
      ? `${replayed} entries would be replayed`
      : `${replayed} entries replayed: ${accepted} counted, ${rejected} rejected again`,
    ...skippedText(skipped.partial, 'counted by some views: they would count twice'),
    ...skippedText(skipped.replayed, 'replayed before'),
    ...skippedText(skipped.sourceUnknown, `of sources that are not defined: ${names}`),
  ]
}

function skippedText(count: number, reason: string): string[] {
  return count === 0 ? [] : [`${count} skipped, ${reason}`]
}

function stateText({ isPartial, isReplayed, replayOf }: Entry): string {
  const states = [
    ...(isPartial ? ['partial'] : []),
    ...(isReplayed ? ['replayed'] : []),
    ...(replayOf === null ? [] : [`replay of ${replayOf}`]),
  ]
  return states.join(', ')
}

function reasonText({ path, message }: Entry): string {
  return path === '' ? message : `${path}: ${message}`
}
