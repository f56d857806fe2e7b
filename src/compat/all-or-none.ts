/**
 * Requests that count as a whole: the clients of other products send all of it again when a part is
 * refused, so nothing may have been written then.
 *
 * The events are looked at first, by the code that validates live ones, and only published if none
 * of them would be rejected. What they meet in between, such as a window that has just ended, may
 * still reject one of them: that is told the same way, and then the others do count.
 */
import type { PushOutcome, PushPort, SourceEvents } from '../model/contracts.ts'
import type { PushRejection } from '../model/rejection.ts'

/** The rejected events of one source. */
export interface Refused {
  readonly source: string
  readonly rejections: readonly PushRejection[]
}

export interface Ingested {
  /** Empty when all events were taken, or in a dry run, would be. */
  readonly refused: readonly Refused[]
  /** By name of the view: rows that it counts. */
  readonly rows: ReadonlyMap<string, number>
  /** By name of the source: events that are taken, duplicates among them. */
  readonly accepted: ReadonlyMap<string, number>
}

export async function ingestAll(
  push: PushPort,
  batches: readonly SourceEvents[],
  isDryRun: boolean,
): Promise<Ingested> {
  const checked = await push.check(batches)
  const rows = new Map(checked.flatMap((outcome) => [...outcome.rows]))
  const wrong = refusedOf(batches, checked)
  const outcomes = isDryRun || wrong.length > 0 ? checked : await push.push(batches)
  const accepted = new Map(batches.map(({ source }, n) => [source, outcomes[n]!.accepted]))
  return { refused: refusedOf(batches, outcomes), rows, accepted }
}

function refusedOf(
  batches: readonly SourceEvents[],
  outcomes: readonly PushOutcome[],
): readonly Refused[] {
  return batches.flatMap(({ source }, n) => {
    const { rejections } = outcomes[n]!
    return rejections.length === 0 ? [] : [{ source, rejections }]
  })
}
