/**
 * Which views have a history, how far its backfill is, and which have still to count the journal:
 * the part of the manifest that changes while the daemon runs.
 *
 * A backfill is written down before its first batch is journalled, and told to the shards before
 * that batch: so a batch of a backfill is always for the views that it was read for, in this life
 * and in every replay.
 *
 * Thread: main.
 */
import type { Catalog } from '../model/catalog.ts'
import type { Manifest, StoredDefinition, StoredHistory } from '../persist/manifest.ts'
import type { Lane } from '../route/lanes.ts'
import type { Intake } from '../intake/intake.ts'

export interface HistoriesOptions {
  readonly catalog: Catalog
  readonly manifest: Manifest
  readonly writeManifest: (manifest: Manifest) => Promise<void>
}

export class Histories {
  readonly #options: HistoriesOptions
  #manifest: Manifest
  #intake: Pick<Intake, 'setBackfill'> | null = null
  #lanes: readonly Pick<Lane, 'post'>[] = []
  /** One change of the manifest at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: HistoriesOptions) {
    this.#options = options
    this.#manifest = options.manifest
  }

  /** By place in the catalog. */
  get all(): readonly (StoredHistory | null)[] {
    return storedHistories(this.#options.catalog, this.#manifest)
  }

  /** Whether the history of a view, by its place in the catalog, is not complete. */
  isOpen(view: number): boolean {
    const { name } = this.#options.catalog.views[view]!
    return this.#manifest.views[name]?.history?.isComplete === false
  }

  /** Whether there are views that count what is there of the journal. */
  get isCatchingUp(): boolean {
    return Object.values(this.#manifest.views).some(({ isCatchingUp }) => isCatchingUp === true)
  }

  /** Every view has counted the journal, and all of it is stored; on disk when it resolves. */
  caughtUp(): Promise<void> {
    return this.#change(async () => {
      const views = Object.entries(this.#manifest.views).map(
        ([name, { isCatchingUp: _isCatchingUp, ...view }]): [string, StoredDefinition] => [
          name,
          view,
        ],
      )
      await this.#write({ ...this.#manifest, views: Object.fromEntries(views) })
    })
  }

  /** Tells the intake of every backfill there has been, and both of those to come. */
  listen(intake: Pick<Intake, 'setBackfill'>, lanes: readonly Pick<Lane, 'post'>[]): void {
    this.#intake = intake
    this.#lanes = lanes
    for (const id of new Set(this.all.map((history) => history?.backfill ?? 0))) {
      if (id !== 0) intake.setBackfill(id, this.viewsOf(id))
    }
  }

  /** The views of a backfill, by their places in the catalog. */
  viewsOf(id: number): readonly number[] {
    return this.all.flatMap((history, view) => (history?.backfill === id ? [view] : []))
  }

  /** The routes that the batches of a backfill take. */
  routesOf(id: number): readonly number[] {
    const { views } = this.#options.catalog
    return [...new Set(this.viewsOf(id).map((view) => views[view]!.route))]
  }

  /**
   * Begins a backfill of some views; on disk when it resolves.
   *
   * @param fromMs  Where their history begins; null for what their definitions say.
   * @returns its id.
   */
  begin(views: readonly number[], fromMs: number | null): Promise<number> {
    return this.#change(async () => {
      const id = this.#manifest.nextBackfillId
      await this.#write({
        ...this.#withHistories(views, (history) => ({
          ...history,
          backfill: id,
          fromMs: fromMs ?? history.fromMs,
        })),
        nextBackfillId: id + 1,
      })
      this.#intake!.setBackfill(id, views)
      for (const lane of this.#lanes) lane.post({ kind: 'histories', histories: this.all })
      return id
    })
  }

  /** Every row of a backfill is counted; on disk when it resolves. */
  complete(id: number, rows: number): Promise<void> {
    return this.#change(() =>
      this.#write(
        this.#withHistories(this.viewsOf(id), (history) => ({
          ...history,
          rows,
          isComplete: true,
        })),
      ),
    )
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    const change = this.#turn.then(work)
    this.#turn = change.catch(() => {})
    return change
  }

  #withHistories(
    views: readonly number[],
    change: (history: StoredHistory) => StoredHistory,
  ): Manifest {
    const names = views.map((view) => this.#options.catalog.views[view]!.name)
    const changed = names.map((name): [string, StoredDefinition] => {
      const stored = this.#manifest.views[name]!
      return [name, { ...stored, history: change(stored.history!) }]
    })
    return { ...this.#manifest, views: { ...this.#manifest.views, ...Object.fromEntries(changed) } }
  }

  async #write(manifest: Manifest): Promise<void> {
    await this.#options.writeManifest(manifest)
    this.#manifest = manifest
  }
}

/** What a manifest says of each view's history, by place in the catalog. */
export function storedHistories(
  catalog: Catalog,
  manifest: Manifest,
): readonly (StoredHistory | null)[] {
  return catalog.views.map(({ name }) => manifest.views[name]?.history ?? null)
}
