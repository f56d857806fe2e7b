/**
 * The state of one view in one shard: its keys, their tiles, and how events change them.
 *
 * Rows of some sections come in, in journal order; afterwards every tile of a key holds exactly
 * the partials of the rows whose event time lies in it, those left out that are still to be folded
 * into it (`folds.ts`), as if each section had come alone. Work
 * is done a step at a time for all rows: find the slots, find the tiles, then one tight loop per
 * partial. Time is the event time of the rows and the arrival time of their batch, never a clock,
 * so a replay decides the same.
 *
 * Shard thread, no I/O but `load`, which brings in a key that is stored and not in memory.
 */
import type { HashSeed } from '../base/hash.ts'
import { expiredKeptMs, sweepSlackMs } from '../base/limits.ts'
import type { View } from '../model/catalog.ts'
import { RowBatch, type Column, type RowRange } from '../model/rows.ts'
import { capacitySlack } from './capacity.ts'
import { KeyTable } from './key-table.ts'
import { EventLog } from './event-log.ts'
import { createLevels } from './folds.ts'
import { allRows, isBeforeWindows, noUncounted, type UncountedRows } from './lateness.ts'
import { planChunks, planLevels, servedMsOf, type Level } from './layout.ts'
import { NewKeys } from './new-keys.ts'
import { ParkedRows } from './parked.ts'
import { ReadPlans } from './read-plan.ts'
import { Replacements } from './replacements.ts'
import { isOfSameEvent } from './row-codec.ts'
import type { LevelState } from './level-state.ts'
import { decodeSlot, newestMsOf } from './slot-codec.ts'
import { ServingIndex } from './serving-index.ts'
import { SlotMarks } from './slot-marks.ts'
import { SlotRecords } from './slot-records.ts'
import { TileUpdates } from './tile-updates.ts'
import { ValuePool } from './value-pool.ts'
import type { TimeRange } from './window.ts'

/** Brings in the stored form of a key, null when there is none. */
export type KeyLoader = (hash: number, key: Uint8Array) => Uint8Array | null

/** Brings in the stored events of a slot from one of `tileMs` to another, by arrival in each. */
export type ChunkLoader = (
  hash: number,
  key: Uint8Array,
  firstTile: number,
  lastTile: number,
) => readonly Uint8Array[]

const noBytes = new Uint8Array(0)

export class ViewState {
  readonly view: View
  readonly records: SlotRecords
  readonly keys: KeyTable
  readonly pool = new ValuePool()
  readonly levels: readonly LevelState[]
  readonly parked: ParkedRows
  readonly newKeys = new NewKeys()
  readonly readPlans: ReadPlans
  readonly marks: SlotMarks
  /** The events that are not stored; null for a view whose windows end where tiles do. */
  readonly log: EventLog | null
  /** New keys, for a view with a serving index; null for others. */
  readonly index: ServingIndex | null
  /** Event time of the newest event of the view in this shard; -Infinity before the first. */
  watermarkMs = -Infinity
  watermarkNs = 0
  /** Of no use; it keeps the compiler from leaving out what `#readAhead` reads. */
  read = 0
  /** How far back the view looks. */
  readonly reachMs: number
  /** How far before an edge the newest event of a key may be, ms; keys are swept beyond that. */
  readonly keptMs: number
  /** The same, for a key to be known; beyond it is new when it comes again. */
  readonly #knownMs: number
  readonly #planned: readonly Level[]
  /** Events before this moment count in no lifetime window. */
  readonly #startMs: number
  /** Null for a view of which events do not take each other's places. */
  readonly #replacements: Replacements | null
  readonly #load: KeyLoader
  readonly #loadChunks: ChunkLoader
  readonly #isWallClock: boolean
  /** Arrival of the newest batch. */
  #arrivalMs = -Infinity
  /** Which of the rows that are being applied may count. */
  #counted = allRows
  #slots = new Int32Array(0)
  readonly #updates = new TileUpdates(this.pool)
  readonly #admitted: RowBatch
  readonly #collected: RowBatch

  constructor(
    view: View,
    options: {
      /** The secret of the store. */
      readonly seed: HashSeed
      readonly load: KeyLoader
      readonly loadChunks: ChunkLoader
      readonly capture: (slot: number) => void
    },
  ) {
    this.view = view
    const levels = planLevels({ view, seed: options.seed })
    this.#planned = levels
    this.records = new SlotRecords(levels.length)
    this.keys = new KeyTable(this.records)
    this.levels = createLevels(levels, this)
    this.parked = new ParkedRows(view.columns)
    this.readPlans = new ReadPlans(this.levels)
    this.reachMs = Math.max(...levels.map((level) => level.reachMs))
    this.keptMs = Math.min(view.ttlMs, Math.max(...levels.map(servedMsOf))) + expiredKeptMs
    this.#knownMs = this.keptMs - sweepSlackMs
    this.#startMs = Math.max(...this.levels.map(({ level }) => level.startMs))
    this.marks = new SlotMarks(this.records, options.capture)
    this.#load = options.load
    this.#loadChunks = options.loadChunks
    const chunks = planChunks(view, levels)
    this.log = chunks === null ? null : new EventLog(view.columns, chunks)
    this.#collected = new RowBatch(view.columns)
    this.#replacements = view.lastWriteWins ? this.#createReplacements(this.log) : null
    this.index = ServingIndex.of(view)
    this.#isWallClock = view.leadingEdge === 'wall-clock'
    this.#admitted = new RowBatch(view.columns)
    this.log?.growSlots(this.records.capacity)
  }

  /** Bytes of state in use, with their share of what the arrays have to spare. */
  get bytes(): number {
    let bytes = this.keys.bytes
    for (const { runs } of this.levels) bytes += runs.bytes
    const growing = this.pool.bytes + this.parked.bytes + (this.log?.bytes ?? 0)
    return Math.ceil(bytes * capacitySlack) + growing + (this.index?.bytes ?? 0)
  }

  /**
   * Applies the rows of some sections, none of which arrived before those of the call before.
   *
   * @param counted  Which of them may count.
   */
  apply(rows: RowBatch, columns: readonly Column[], counted = allRows): UncountedRows {
    const { spans } = rows
    const uncounted = noUncounted()
    this.#counted = counted
    // Parked rows come between spans: where they have, they may again, and little is tried at once.
    let most = spans.length
    for (let first = 0; first < spans.length;) {
      this.#arrivalMs = spans[first]!.arrivalMs
      if (this.#isWallClock) this.admit(this.#arrivalMs)
      const last = Math.min(first + most, spans.length)
      const next = this.#applySpans(rows, columns, { from: first, to: last }, uncounted)
      most = next < last ? 1 : most * 2
      first = next
    }
    this.#arrivalMs = spans.at(-1)?.arrivalMs ?? this.#arrivalMs
    return uncounted
  }

  /** Applies the parked rows whose time has come. */
  admit(nowMs: number): void {
    const rows = this.#admitted
    const counted = this.#counted
    // They were asked for their times and their keys before they were parked.
    this.#counted = allRows
    this.parked.take(nowMs, this.#arrivalMs, rows, (dueMs) => {
      // At its own time, when it was not late, however much later somebody looks.
      rows.endSpan(dueMs)
      this.#applySpans(rows, rows.columns, { from: 0, to: 1 }, noUncounted())
    })
    this.#counted = counted
  }

  /** The slot of a key, brought into memory if it is stored; 0 if the key is not known. */
  slotOf(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slot = this.keys.find(hash, bytes, start, end)
    if (slot !== 0) return slot
    const stored = this.#load(hash, bytes.subarray(start, end))
    if (stored === null) return 0
    const loaded = this.#insert(hash, bytes, start, end)
    try {
      const newestNs = decodeSlot(stored, loaded, this.levels, this.pool)
      this.records.setNewest(loaded, newestMsOf(stored), newestNs)
    } catch (thrown) {
      // What is half there would count, and be stored in the place of the whole.
      this.remove(loaded)
      throw thrown
    }
    return loaded
  }

  /**
   * The events of a slot in a range of event times, those of equal times in the order of their
   * arrival. The batch is filled again by the next call.
   */
  eventsOf(slot: number, range: TimeRange): RowBatch {
    const log = this.log!
    const rows = this.#collected
    rows.reset(noBytes, 0)
    const first = Math.floor((range.fromMs + (range.fromNs + 1) / 1e6) / log.tileMs)
    const last = Math.floor(range.toMs / log.tileMs)
    const stored = this.#loadChunks(this.keys.hashOf(slot), this.keys.keyOf(slot), first, last)
    for (const chunk of stored) log.collectStored(chunk, range, rows)
    log.collect(slot, range, rows)
    return rows
  }

  /** The earliest moment at which the windows of a later read may end. */
  get earliestEdgeMs(): number {
    return Math.min(this.watermarkMs, this.#arrivalMs)
  }

  /** Drops the tiles of a slot that no window needs which ends at an edge or later. */
  dropExpired(slot: number, edgeMs: number): void {
    for (const { runs } of this.levels) runs.dropExpired(slot, edgeMs)
  }

  /** Forgets a slot; its key must be stored, or not be wanted any more. */
  remove(slot: number): void {
    for (const { runs } of this.levels) runs.remove(slot)
    this.keys.remove(slot)
    this.marks.clear(slot)
  }

  /**
   * Applies the rows of some spans at a time.
   *
   * @returns the first of them that has to wait for a parked row to be applied before it, or `to`.
   */
  #applySpans(
    rows: RowBatch,
    columns: readonly Column[],
    { from: first, to: last }: RowRange,
    uncounted: UncountedRows,
  ): number {
    this.#growRows(rows.count)
    const { spans } = rows
    const from = rows.spanStart(first)
    this.read = this.#readAhead(rows, { from, to: rows.spanStart(last) })
    let span = first
    do {
      const { end, arrivalMs } = spans[span]!
      this.#locate(rows, columns, { from: rows.spanStart(span), to: end, arrivalMs }, uncounted)
      span += 1
    } while (span < last && !this.#isParkedDue(spans[span]!.arrivalMs))
    const range = { from, to: rows.spanStart(span) }
    const located = { rows, columns, range, slots: this.#slots }
    this.#updates.update(this.levels, located, this.earliestEdgeMs)
    this.#replacements?.recount()
    return span
  }

  #isParkedDue(arrivalMs: number): boolean {
    return this.#isWallClock && this.parked.isDue(arrivalMs)
  }

  /**
   * Reads what the rows will change, in loops so short that the processor waits for many of these
   * reads at a time. What comes next depends on what it reads, and would wait for one by one: with
   * many keys, most of the time that an event takes.
   *
   * @returns a sum of what was read, for which there is no use but that it has to be read.
   */
  #readAhead(rows: RowBatch, { from, to }: RowRange): number {
    const slots = this.#slots
    const { words } = rows
    this.keys.guess(rows.keyHash, from, to, slots)
    let read = this.records.readAhead(slots, from, to)
    for (const { runs, below } of this.levels) {
      if (below.length === 0) read += runs.readAhead(slots, from, to)
    }
    if (words === null) slots.fill(0, from, to)
    else this.keys.confirm(rows, words, { from, to }, slots)
    return read
  }

  /** Finds the slots of the rows of a span, 0 for those that are not applied now. */
  #locate(
    rows: RowBatch,
    columns: readonly Column[],
    { from, to, arrivalMs }: RowRange & { readonly arrivalMs: number },
    { late, outside, excess }: UncountedRows,
  ): void {
    const { timeMs, timeNs, keyHash, keyStart, keyEnd, bytes } = rows
    const slots = this.#slots
    const { records } = this
    const { fromMs, untilMs, newKeysMax } = this.#counted
    for (let i = from; i < to; i++) {
      const time = timeMs[i]!
      const ns = timeNs[i]!
      const edgeMs = this.#isWallClock ? arrivalMs : this.watermarkMs
      const isOutside = time < fromMs || time >= untilMs
      if (isOutside || this.#isLate(time, edgeMs)) {
        const missed = isOutside ? outside : late
        missed.push(i)
        slots[i] = 0
        continue
      }
      let slot = slots[i]!
      if (slot === 0) slot = this.slotOf(keyHash[i]!, bytes, keyStart[i]!, keyEnd[i]!)
      const isAhead = this.#isWallClock && time >= arrivalMs && (time > arrivalMs || ns > 0)
      // The key of a row that waits has to be known until that is due: then it is there.
      const knownFromMs = (isAhead ? time + 1 : Math.min(edgeMs, arrivalMs)) - this.#knownMs
      // Not `newestMs`: a double that a call returns is a new object, here one for every event.
      const isKnown = slot !== 0 && records.f64[records.newestAt(slot)]! >= knownFromMs
      const mayBeExcess = !isKnown && newKeysMax < Infinity
      const isExcess = mayBeExcess && !this.#takesKey(rows, i, slot, arrivalMs)
      if (isExcess) excess.push(i)
      else if (isAhead) this.parked.park(rows, i, columns, isKnown)
      if (isExcess || isAhead) {
        slots[i] = 0
        continue
      }
      if (time > this.watermarkMs || (time === this.watermarkMs && ns > this.watermarkNs)) {
        this.watermarkMs = time
        this.watermarkNs = ns
      }
      if (slot === 0) {
        slot = this.#insert(keyHash[i]!, bytes, keyStart[i]!, keyEnd[i]!)
        records.setNewest(slot, -Infinity, 0)
        this.index?.add(this.keys.keyOf(slot))
      }
      slots[i] = slot
      this.marks.touch(slot)
      const isNewest = records.renew(slot, time, ns)
      if (this.log !== null) this.#keep(this.log, rows, columns, i, isNewest)
    }
  }

  #isLate(timeMs: number, edgeMs: number): boolean {
    const mayBeLate = timeMs < edgeMs - this.reachMs || timeMs < this.#startMs
    return mayBeLate && isBeforeWindows(this.view, this.#planned, timeMs, edgeMs)
  }

  /**
   * Whether a row's key, which may not be known, may have the row. A key that was not seen for so
   * long that it may be swept is as new as one that never was; whether it was is of no matter.
   *
   * @param slot  Of the key, 0 when it has none.
   */
  #takesKey(rows: RowBatch, i: number, slot: number, arrivalMs: number): boolean {
    const edgeMs = this.#isWallClock ? arrivalMs : Math.min(this.watermarkMs, arrivalMs)
    if (slot !== 0 && this.records.newestMs(slot) >= edgeMs - this.#knownMs) return true
    // A read may have let its row go, a replay would not have: it is known either way.
    if (this.parked.holds(rows.bytes.subarray(rows.keyStart[i]!, rows.keyEnd[i]!))) return true
    return this.newKeys.take(arrivalMs, this.#counted.newKeysMax)
  }

  /** Keeps a row's event; one that replaces another is counted with the rest of its tile. */
  #keep(
    log: EventLog,
    rows: RowBatch,
    columns: readonly Column[],
    i: number,
    isNewest: boolean,
  ): void {
    const slots = this.#slots
    const slot = slots[i]!
    if (this.#replacements !== null && !isNewest) {
      const isReplacement = isOfSameEvent(rows, i)
        ? slots[i - 1] === 0
        : this.#replacements.isOne(slot, rows.timeMs[i]!, rows.timeNs[i]!)
      if (isReplacement) slots[i] = 0
    }
    log.append(slot, rows, i, columns)
  }

  #insert(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const { capacity } = this.records
    const slot = this.keys.insert(hash, bytes, start, end)
    if (this.records.capacity !== capacity) this.log?.growSlots(this.records.capacity)
    return slot
  }

  #createReplacements(log: EventLog | null): Replacements | null {
    if (log === null) return null
    const { levels, pool } = this
    return new Replacements({
      levels,
      pool,
      log,
      eventsOf: (slot, range) => this.eventsOf(slot, range),
      chunksAt: (slot, timeMs) => {
        const tile = log.tileOf(timeMs)
        return this.#loadChunks(this.keys.hashOf(slot), this.keys.keyOf(slot), tile, tile)
      },
      edgeMs: () => this.earliestEdgeMs,
    })
  }

  #growRows(rows: number): void {
    this.#updates.grow(rows)
    if (rows > this.#slots.length) this.#slots = new Int32Array(rows * 2)
  }
}
