/**
 * What a shard did not count and the ledger may not have on disk yet.
 *
 * A checkpoint may cover a batch before the ledger has it: the batch is recorded when every lane
 * has applied it, and a lane that is short of memory goes on only after a checkpoint. If the
 * checkpoint waited for the ledger, two lanes could wait for each other, or one for itself: the
 * rest of the message it stands in holds other events of the same batches. So it waits for the
 * journal alone and takes with it what a replay would not find again, because the shard skips what
 * its checkpoint covers. After a crash the rejections come from here, the events from the journal,
 * which is kept and replayed from the first batch on that may not be recorded.
 *
 * Bounded by the intake, because a batch with rejections is not acknowledged before it is recorded.
 */
import type { Catalog } from '../model/catalog.ts'
import type { BatchRejections, Recorded } from '../model/message.ts'

/** Routes are numbered afresh by every catalog: one is known by the names of its views. */
type StoredRejections = Omit<BatchRejections, 'route'> & { readonly views: readonly string[] }

/** The form in which a checkpoint has it: plain data. */
export interface StoredUnrecorded {
  readonly recorded: Recorded
  readonly rejected: readonly StoredRejections[]
}

/** Where a replay for a checkpoint at `position` begins: at a batch that may not be recorded. */
export function replayFrom(
  position: number,
  unrecorded: {
    readonly recorded: Recorded
    /** By position, ascending. */
    readonly rejected: readonly { readonly position: number }[]
  },
): number {
  const { recorded, rejected } = unrecorded
  const first = Math.min(rejected[0]?.position ?? Infinity, recorded.refusedFrom)
  return Math.min(position, first - 1)
}

export class Unrecorded {
  readonly #catalog: Catalog
  /** By position, ascending. */
  #rejected: BatchRejections[] = []
  #recorded: Recorded = { upTo: 0, refusedFrom: Infinity }

  constructor(catalog: Catalog) {
    this.#catalog = catalog
  }

  /** Journal position up to which the ledger has all that was not counted. */
  get upTo(): number {
    return this.#recorded.upTo
  }

  /** Where a replay for a checkpoint at `position` must begin. */
  from(position: number): number {
    return replayFrom(position, { recorded: this.#recorded, rejected: this.#rejected })
  }

  get rejected(): readonly BatchRejections[] {
    return this.#rejected
  }

  add(rejected: BatchRejections): void {
    this.#rejected.push(rejected)
  }

  /** The ledger has come so far. */
  recordedTo(recorded: Recorded): void {
    this.#recorded = recorded
    if (this.#rejected.length === 0) return
    this.#rejected = this.#rejected.filter(({ position }) => position > recorded.upTo)
  }

  toStored(): StoredUnrecorded {
    const { views, routes } = this.#catalog
    const rejected = this.#rejected.map(({ route, ...rest }) => ({
      ...rest,
      views: routes[route]!.views.map((view) => views[view]!.name),
    }))
    return { recorded: this.#recorded, rejected }
  }

  /** Takes back what a checkpoint has; a route whose every view is gone is none of today's. */
  restore({ recorded, rejected }: StoredUnrecorded): void {
    this.#recorded = recorded
    this.#rejected = rejected.map(({ views, ...rest }) => ({
      ...rest,
      route: this.#catalog.views.find(({ name }) => views.includes(name))?.route ?? -1,
    }))
  }
}
