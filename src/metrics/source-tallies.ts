/**
 * What has become of the events of each source since the start: plain numbers, added to once for a
 * batch and read when somebody asks.
 *
 * Sources that the catalog does not have share one tally: their names are whatever somebody sent.
 */

/** A batch of which it is known what became of every event. */
export interface DecidedBatch {
  readonly count: number
  readonly duplicates: number
  readonly verdicts: readonly { readonly code: string; readonly isAccepted: boolean }[]
  readonly facts: { readonly sourceName: string; readonly bytes: number }
}

/** The same for all batches of a source. */
export interface SourceTally {
  readonly batches: number
  readonly bytes: number
  /** Duplicates and partly late events included. */
  readonly accepted: number
  /** Accepted, and by the rule of the source not counted again. */
  readonly duplicates: number
  /** Accepted, and too late for some views. */
  readonly partlyLate: number
  /** Came again under sequences that were taken, and were not counted again. */
  readonly repeated: number
  /** By error code. */
  readonly rejected: Readonly<Record<string, number>>
}

type Counting = { -readonly [K in keyof SourceTally]: SourceTally[K] } & {
  readonly rejected: Record<string, number>
}

/** Stands for every source that the catalog does not have; no source has such a name. */
const unknownName = '(unknown)'

export class SourceTallies {
  readonly #tallies = new Map<string, Counting>()
  readonly #unknown = newTally()

  constructor(sources: readonly string[]) {
    for (const name of sources) this.#tallies.set(name, newTally())
  }

  decided({ count, duplicates, verdicts, facts }: DecidedBatch): void {
    const tally = this.#of(facts.sourceName)
    tally.batches += 1
    tally.bytes += facts.bytes
    tally.duplicates += duplicates
    tally.accepted += count
    for (const { code, isAccepted } of verdicts) {
      if (isAccepted) {
        tally.partlyLate += 1
      } else {
        tally.accepted -= 1
        tally.rejected[code] = (tally.rejected[code] ?? 0) + 1
      }
    }
  }

  repeated(source: string, count: number): void {
    this.#of(source).repeated += count
  }

  /** By name of the source. */
  get all(): ReadonlyMap<string, SourceTally> {
    return new Map<string, SourceTally>([...this.#tallies, [unknownName, this.#unknown]])
  }

  #of(source: string): Counting {
    return this.#tallies.get(source) ?? this.#unknown
  }
}

function newTally(): Counting {
  return {
    batches: 0,
    bytes: 0,
    accepted: 0,
    duplicates: 0,
    partlyLate: 0,
    repeated: 0,
    rejected: {},
  }
}
