/**
 * What `millrace backfill` says: a line while it runs, and one for each backfill at the end.
 */
import type { ErrorCode } from '../base/errors.ts'
import { formatDuration } from '../base/duration.ts'

/** A backfill as the daemon answers it. */
export interface ShownBackfill {
  readonly source: string
  readonly views: readonly { readonly name: string; readonly boundary: string }[]
  readonly state: 'pending' | 'running' | 'paused' | 'failed' | 'complete'
  readonly rows: number
  readonly rowsTotal: number | null
  readonly rejected: number
  readonly run: { readonly rows: number; readonly elapsedMs: number }
  readonly error: { readonly code: ErrorCode; readonly message: string } | null
}

const barWidth = 30

/** Of the one that runs; others wait for it. */
export function progressLine(backfills: readonly ShownBackfill[]): string {
  const { source, rows, rowsTotal, run } = shownOf(backfills)
  const rate = run.elapsedMs === 0 ? 0 : (run.rows / run.elapsedMs) * 1000
  const speed = `${grouped(rate)} rows/s`
  if (rowsTotal === null) return `${source}  ${grouped(rows)} rows  ${speed}`
  const share = shareOf(rows, rowsTotal)
  const full = Math.round(share * barWidth)
  const bar = `[${'#'.repeat(full)}${'-'.repeat(barWidth - full)}]`
  const left = rate === 0 ? '' : `  ${leftText((rowsTotal - rows) / rate)} left`
  return `${source}  ${bar} ${Math.floor(share * 100)} %  ${grouped(rows)} rows  ${speed}${left}`
}

/** How far it is, roughly: the same until a line about it is worth reading. */
export function progressStep(backfills: readonly ShownBackfill[]): string {
  const { source, rows, rowsTotal } = shownOf(backfills)
  if (rowsTotal === null) return `${source} ${Math.floor(rows / stepRows)}`
  return `${source} of ${rowsTotal}: ${Math.floor(shareOf(rows, rowsTotal) * 10)}`
}

/** Where the number of all is not known. */
const stepRows = 1_000_000

function shownOf(backfills: readonly ShownBackfill[]): ShownBackfill {
  const running = backfills.filter(({ state }) => state === 'running')
  return running.find((each) => each.run.rows > 0) ?? running[0]!
}

function shareOf(rows: number, rowsTotal: number): number {
  return rowsTotal === 0 ? 1 : Math.min(rows / rowsTotal, 1)
}

export function backfillLines(backfills: readonly ShownBackfill[]): string[] {
  if (backfills.length === 0) return ['no view has a past that is to be counted']
  return backfills.map((backfill) => {
    const { source, views, rows, rowsTotal, rejected } = backfill
    const names = views.map(({ name }) => name).join(', ')
    const refused = rejected === 0 ? '' : `, ${grouped(rejected)} rejected: see the ledger`
    const all = rowsTotal !== null && rows < rowsTotal ? ` of ${grouped(rowsTotal)}` : ''
    return `${names}: ${grouped(rows)}${all} rows of ${source}${refused}; ${stateText(backfill)}`
  })
}

function stateText({ state, views, error }: ShownBackfill): string {
  switch (state) {
    case 'complete':
      return `complete up to ${[...new Set(views.map(({ boundary }) => boundary))].join(', ')}`
    case 'failed':
      return `failed: ${error!.message} (${error!.code})${againText(error!.code)}`
    case 'pending':
      return 'not begun'
    case 'running':
      return 'under way'
    case 'paused':
      return 'paused; run it again to go on'
  }
}

/** What has come of other files than these cannot go on with them, and the message says so. */
function againText(code: ErrorCode): string {
  return code === 'BATCH_CHANGED' ? '' : '; run it again to go on'
}

function leftText(seconds: number): string {
  return formatDuration(Math.max(1, Math.ceil(seconds)) * 1000)
}

function grouped(number: number): string {
  return Math.round(number).toLocaleString('en-US')
}
