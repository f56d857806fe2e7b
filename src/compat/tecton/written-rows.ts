/**
 * Rows that requests have written to something with a name, by the workspace that each says.
 *
 * Clients call workspaces what they like, so only so many are told apart; the others are together
 * one without a name.
 */
import { platformWorkspacesMax, platformWorkspaceLengthMax } from '../../base/http-limits.ts'
import { entryOf, RecentCounts } from './recent.ts'

export class WrittenRows {
  /** By workspace, then by name. */
  readonly #counts = new Map<string, Map<string, RecentCounts>>()

  add(given: string, name: string, nowMs: number, count: number): void {
    const counts = entryOf(this.#counts, this.#workspaceOf(given), () => new Map())
    entryOf(counts, name, () => new RecentCounts()).add(nowMs, count)
  }

  /** What was written, a second. */
  rates(nowMs: number): { workspace: string; name: string; value: number }[] {
    return [...this.#counts].flatMap(([workspace, counts]) =>
      [...counts].map(([name, rows]) => ({ workspace, name, value: rows.perSecond(nowMs) })),
    )
  }

  #workspaceOf(given: string): string {
    if (this.#counts.has(given)) return given
    const isTold =
      this.#counts.size < platformWorkspacesMax && given.length <= platformWorkspaceLengthMax
    return isTold ? given : ''
  }
}
