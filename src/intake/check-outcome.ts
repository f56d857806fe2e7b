/**
 * What routes have found about events that nobody has journalled → what would become of each.
 */
import type { Catalog } from '../model/catalog.ts'
import type { CheckOutcome } from '../model/contracts.ts'
import type { CheckFindings } from '../model/message.ts'
import { missedCodes, type PushRejection } from '../model/rejection.ts'
import { judge, noWays, waysOf, type Said } from './verdict.ts'

/** @param asked  What was asked about: the source's place in the catalog, and how many events. */
export function outcomeOf(
  { routes, rows }: CheckFindings,
  catalog: Catalog,
  asked: { readonly source: number; readonly count: number },
): CheckOutcome {
  const ways = asked.source === -1 ? noWays : waysOf(catalog, asked.source)
  const said = new Map<number, Said[]>()
  const lateViews = new Map<number, readonly string[]>()
  const say = (index: number, one: Said): void => {
    said.set(index, [...(said.get(index) ?? []), one])
  }
  for (const { route, rejections, partly = [] } of routes) {
    for (const rejection of rejections) {
      say(rejection.index, { route, rejection, partly: null })
      const { index, views = [] } = rejection
      lateViews.set(index, [...(lateViews.get(index) ?? []), ...views])
    }
    for (const late of partly) say(late.index, { route, rejection: null, partly: late })
  }
  const rejections: PushRejection[] = []
  for (const [index, one] of [...said].sort(([a], [b]) => a - b)) {
    const { isAccepted, code, path, message } = judge(index, one, ways)
    if (isAccepted) continue
    const plain = { index, code, path, message }
    const isMissed = missedCodes.some((each) => each === code)
    rejections.push(isMissed ? { ...plain, views: lateViews.get(index) ?? [] } : plain)
  }
  return {
    accepted: asked.count - rejections.length,
    rejections,
    rows: new Map(rows.map(([view, count]) => [catalog.views[view]!.name, count])),
  }
}
