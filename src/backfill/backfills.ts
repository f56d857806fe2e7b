/**
 * All backfills of a store: those that are under way, and the views that wait for one.
 *
 * Views of one source that are asked for together are backfilled together: the batch source is read
 * once for all of them. Backfills run one after the other, while producers go on pushing.
 *
 * Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import type { Clock } from '../base/clock.ts'
import type { Journal } from '../journal/journal.ts'
import type {
  BackfillPort,
  BackfillRequest,
  BackfillStatus,
  OpenBatchRows,
} from '../model/backfill.ts'
import type { Catalog, View } from '../model/catalog.ts'
import type { IngestPort } from '../model/contracts.ts'
import { Backfill } from './backfill.ts'
import type { Histories } from './histories.ts'

export interface BackfillsOptions {
  readonly catalog: Catalog
  readonly histories: Histories
  readonly journal: Journal
  readonly ingest: IngestPort
  readonly openRows: OpenBatchRows
  readonly clock: Clock
  /** Rows of a batch. @defaultValue `backfillBatchRows` */
  readonly batchRows?: number
}

export class Backfills implements BackfillPort {
  readonly #options: BackfillsOptions
  /** By id: those that are not complete, and those that were completed in this life. */
  readonly #begun = new Map<number, Backfill>()
  #isStopping = false
  /** Of runs, and of what begins them. */
  #runs: Promise<void> = Promise.resolve()
  #starts: Promise<unknown> = Promise.resolve()

  constructor(options: BackfillsOptions) {
    this.#options = options
  }

  /** Finds those that an earlier life has begun; they go on when somebody asks for them. */
  async open(): Promise<void> {
    const { histories } = this.#options
    const open = histories.all.filter((history) => history?.isComplete === false)
    const ids = new Set(open.map((history) => history!.backfill).filter((id) => id !== 0))
    for (const id of ids) await this.#open(id).open()
  }

  start(request: BackfillRequest): Promise<readonly BackfillStatus[]> {
    const start = this.#starts.then(() => this.#start(request))
    this.#starts = start.catch(() => {})
    return start
  }

  async pause(): Promise<readonly BackfillStatus[]> {
    for (const backfill of this.#begun.values()) backfill.stop()
    await this.#runs
    return this.status()
  }

  status(): readonly BackfillStatus[] {
    const { catalog, histories } = this.#options
    const { all } = histories
    const statuses = [...this.#begun.values()].map(({ status }) => status)
    const told = new Set(statuses.flatMap(({ views }) => views.map(({ name }) => name)))
    const others = catalog.views.filter(({ name, index }) => all[index] !== null && !told.has(name))
    return [...statuses, ...others.map((view) => this.#statusOf(view))]
  }

  /** Begins nothing any more; resolves when all that was published is counted. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#starts
    await this.pause()
  }

  async #start(request: BackfillRequest): Promise<readonly BackfillStatus[]> {
    if (this.#isStopping) throw new MillraceError('DRAINING')
    const { histories } = this.#options
    const views = this.#viewsOf(request)
    const begun = views.filter(({ index }) => histories.all[index]!.backfill !== 0)
    assertFrom(request, begun, histories.all)
    const fresh = views.filter((view) => !begun.includes(view))
    assertPast(request, fresh, histories.all)
    for (const source of new Set(fresh.map((view) => view.source))) {
      const together = fresh.filter((view) => view.source === source)
      const places = together.map(({ index }) => index)
      await histories.begin(places, request.fromMs)
    }
    const open = views.filter(({ index }) => histories.isOpen(index))
    for (const id of new Set(open.map(({ index }) => histories.all[index]!.backfill))) {
      const backfill = this.#open(id)
      await backfill.open()
      this.#run(backfill, request.toMs)
    }
    const names = views.map(({ name }) => name)
    return this.status().filter((status) => status.views.some(({ name }) => names.includes(name)))
  }

  #run(backfill: Backfill, toMs: number | null): void {
    if (backfill.status.state === 'running') return
    backfill.queue()
    this.#runs = this.#runs.then(() => backfill.run(toMs))
  }

  /** The views that a request means; those that are complete are left out unless named. */
  #viewsOf({ views: names, fromMs, toMs }: BackfillRequest): readonly View[] {
    const { catalog, histories } = this.#options
    if (fromMs !== null && toMs !== null && fromMs >= toMs) {
      throw requestInvalid('to', 'is not after from')
    }
    const { all } = histories
    if (names === null) return catalog.views.filter(({ index }) => histories.isOpen(index))
    return names.map((name) => {
      const view = catalog.views.find((each) => each.name === name)
      if (view === undefined) throw requestInvalid('views', `no view is named "${name}"`)
      if (all[view.index] !== null) return view
      const reason = whyNot(view, catalog)
      throw requestInvalid('views', `"${name}" cannot be backfilled: ${reason}`)
    })
  }

  #open(id: number): Backfill {
    const { catalog, histories, ...rest } = this.#options
    let backfill = this.#begun.get(id)
    if (backfill === undefined) {
      const views = histories.viewsOf(id).map((view) => catalog.views[view]!)
      backfill = new Backfill({
        ...rest,
        id,
        source: catalog.sources[views[0]!.source]!.name,
        views: views.map((view) => this.#rangeOf(view)),
        onComplete: (rows) => histories.complete(id, rows),
      })
      this.#begun.set(id, backfill)
    }
    return backfill
  }

  #rangeOf({ name, index }: View): BackfillStatus['views'][number] {
    const { fromMs, boundaryMs } = this.#options.histories.all[index]!
    return { name, fromMs, boundaryMs }
  }

  /** Of a view whose backfill was completed in an earlier life, or has not begun. */
  #statusOf(view: View): BackfillStatus {
    const { catalog, histories } = this.#options
    const { isComplete, backfill, rows } = histories.all[view.index]!
    return {
      id: backfill === 0 ? null : backfill,
      source: catalog.sources[view.source]!.name,
      views: [this.#rangeOf(view)],
      state: isComplete ? 'complete' : 'pending',
      rows: rows ?? 0,
      rowsTotal: rows,
      rejected: 0,
      run: { rows: 0, elapsedMs: 0 },
      error: null,
    }
  }
}

function whyNot({ source, online }: View, { sources }: Catalog): string {
  const { name, batch } = sources[source]!
  if (batch === undefined) return `source "${name}" has no batch source`
  if (!online) return 'it is not online'
  return 'it has counted its stream since before there was a batch source; give it a new name'
}

/** Where a history begins is settled when its backfill begins. */
function assertFrom(
  { fromMs }: BackfillRequest,
  views: readonly View[],
  histories: Histories['all'],
): void {
  if (fromMs === null) return
  const other = views.find(({ index }) => histories[index]!.fromMs !== fromMs)
  if (other === undefined) return
  const begun = histories[other.index]!.fromMs
  const where = begun === null ? 'the first row' : new Date(begun).toISOString()
  throw requestInvalid('from', `the backfill of "${other.name}" has begun at ${where} already`)
}

/** A past that begins where it ends would be complete at once, for good, without a row. */
function assertPast(
  { fromMs }: BackfillRequest,
  views: readonly View[],
  histories: Histories['all'],
): void {
  if (fromMs === null) return
  const other = views.find(({ index }) => histories[index]!.boundaryMs <= fromMs)
  if (other === undefined) return
  const boundary = new Date(histories[other.index]!.boundaryMs).toISOString()
  throw requestInvalid('from', `is not before the boundary of "${other.name}", ${boundary}`)
}

function requestInvalid(path: string, reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path, reason })
}
