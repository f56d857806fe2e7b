/**
 * The events of sections → rows in columns for the views of their route.
 *
 * In: sections as the router wrote them. Out: one batch of rows for all views that aggregate the
 * event as it is, one more for each view with a transform, and a rejection for every event that
 * cannot count. An event counts for every view of the route or for none: if one transform fails,
 * the event is rejected. All decisions follow from the event's bytes and its arrival time, so a
 * replay decides the same.
 *
 * Where events have ids, a duplicate goes no further. Whether an event that came before with the
 * same id counts may be known only when its rows were counted, so a section is read in runs, which
 * end before an event of which that cannot be told. Thread: shard.
 */
import { assert } from '../base/assert.ts'
import { eventIdBytesMax, futureMsMax, parkedRowsMax } from '../base/limits.ts'
import type { Catalog, Route, Source } from '../model/catalog.ts'
import type { EventIds, IdentifiedEvent, IdVerdict } from '../model/contracts.ts'
import { pointer } from '../model/convert.ts'
import { writeEventId, writeIntegerId } from '../model/event-id.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import { RowBatch, type Column } from '../model/rows.ts'
import {
  readSectionEvent,
  sectionBuffers,
  type Section,
  type SectionBuffers,
  type SectionEvent,
} from '../model/section.ts'
import type { Field } from '../model/types.ts'
import { appendRow, type RowPlace } from './append-row.ts'
import { isProblem, type DecodedEvent } from './decoder.ts'
import { createEventReader, type EventReader } from './event-reader.ts'
import { createFastReader } from './fast-reader.ts'
import type { FastReader } from './plain-field.ts'
import { makeReadOnly } from './read-only.ts'
import { createTransformRunner, type TransformRunner } from './transform-runner.ts'

export interface RouteValidator {
  /**
   * Empties the batches of rows: sections of this route follow, which stand in `buffers`.
   *
   * @param events  Their number, roughly.
   */
  begin(buffers: SectionBuffers, events: number): void
  /**
   * Adds the rows of all events of a section.
   *
   * @param rejections  Filled with the events that cannot count, by their place in the batch.
   */
  readSection(section: Section, rejections: Rejection[]): void
  /**
   * Reads events of a section of a source whose events have ids, up to one that may be a duplicate
   * of one before it in the same run; rows of the run before are gone.
   *
   * @param ids  Asked once for every event that is valid so far.
   * @returns the rest of the section, to be read when it is known what has counted; null for none.
   */
  readRun(
    section: Section,
    buffers: SectionBuffers,
    ids: EventIds,
    found: RunFindings,
  ): Section | null
  /**
   * The rows since the batches were emptied for a view of this route.
   *
   * @param view  Place in `Catalog.views`. Views without a transform share one batch, which holds
   *   the columns of all of them; the batches are the same objects for every section.
   */
  rowsOf(view: number): RowBatch
}

/** What is filled with events that make no rows, by their place in the batch. */
export interface RunFindings {
  readonly rejections: Rejection[]
  readonly duplicates: number[]
}

/** @param route  A route of the catalog; its views and source are taken from there. */
export function createRouteValidator(catalog: Catalog, route: Route): RouteValidator {
  const source = catalog.sources[route.source]!
  const views = route.views.map((view) => catalog.views[view]!)
  const plain = views.filter(({ transform }) => transform === null)
  const columns = [...plain.map(({ columns }) => columns), idFields(source)]
  const shared = plain.length === 0 ? null : new RowBatch(unionOf(columns))
  const runners = views.flatMap((view) =>
    view.transform === null ? [] : [createTransformRunner(view, view.transform)],
  )
  const batches = new Map<number, RowBatch>()
  if (shared !== null) for (const { index } of plain) batches.set(index, shared)
  for (const { view, rows } of runners) batches.set(view.index, rows)
  const reader = createEventReader(catalog, source)
  return new SectionReader({ source, reader, shared, runners, batches })
}

interface SectionReaderOptions {
  readonly source: Source
  readonly reader: EventReader
  readonly shared: RowBatch | null
  readonly runners: readonly TransformRunner[]
  readonly batches: ReadonlyMap<number, RowBatch>
}

type EventAtHand = RowPlace & { -readonly [K in keyof IdentifiedEvent]: IdentifiedEvent[K] } & {
  readonly id: Buffer
}

const noBuffers = sectionBuffers(new SharedArrayBuffer(0), new SharedArrayBuffer(0))

class SectionReader implements RouteValidator {
  readonly #source: Source
  readonly #reader: EventReader
  /** Null when every view of the route has a transform. */
  readonly #shared: RowBatch | null
  readonly #runners: readonly TransformRunner[]
  /** Null when every event needs the full path: user code wants it as an object. */
  readonly #fast: FastReader | null
  readonly #batches: ReadonlyMap<number, RowBatch>
  /** The field that holds an event's id, and its column; `''` and null without one. */
  readonly #idName: string
  readonly #idColumn: Column | null
  #buffers: SectionBuffers = noBuffers
  /** The event at hand; where its rows belong, and its id. */
  readonly #event: SectionEvent = {
    index: 0,
    keyHash: 0,
    keyStart: 0,
    keyBytes: 0,
    start: 0,
    end: 0,
  }
  readonly #place: EventAtHand = {
    eventIndex: 0,
    timeMs: 0,
    timeNs: 0,
    bytes: new Uint8Array(0),
    keyHash: 0,
    keyStart: 0,
    keyEnd: 0,
    id: Buffer.alloc(eventIdBytesMax),
    idBytes: 0,
  }

  constructor({ source, reader, shared, runners, batches }: SectionReaderOptions) {
    this.#source = source
    this.#reader = reader
    this.#shared = shared
    this.#runners = runners
    this.#batches = batches
    const isPlain = source.input === undefined && runners.length === 0
    this.#idName = idFields(source)[0]?.name ?? ''
    this.#idColumn = shared?.columns.find(({ name }) => name === this.#idName) ?? null
    this.#fast = shared !== null && isPlain ? createFastReader(source, shared) : null
  }

  rowsOf(view: number): RowBatch {
    const rows = this.#batches.get(view)
    assert(rows !== undefined, 'the view is one of the route')
    return rows
  }

  begin(buffers: SectionBuffers, events: number): void {
    this.#buffers = buffers
    this.#place.bytes = buffers.bytes
    const { bytes, words } = buffers
    this.#shared?.reset(bytes, events, words)
    for (const { rows } of this.#runners) rows.reset(bytes, events, words)
  }

  readSection(section: Section, rejections: Rejection[]): void {
    const { events, end } = section
    let at = section.start
    for (let n = 0; n < events; n++) {
      at = this.#locate(at)
      if (this.#readPlain(section)) continue
      const rejected = this.#readEvent(section)
      if (rejected !== null) rejections.push(rejected)
    }
    assert(at === end, 'a section holds as many events as it says')
    this.#endSpans(section)
  }

  readRun(
    section: Section,
    buffers: SectionBuffers,
    ids: EventIds,
    found: RunFindings,
  ): Section | null {
    const { events } = section
    this.begin(buffers, events)
    let at = section.start
    let n = 0
    for (; n < events; n++) {
      const behind = this.#locate(at)
      const verdict = this.#readPlain(section) ? this.#claimPlain(ids) : null
      const outcome = verdict ?? this.#readIdentified(section, ids)
      if (outcome === 'unsettled') break
      if (outcome === 'duplicate') found.duplicates.push(this.#place.eventIndex)
      else if (outcome !== 'first') found.rejections.push(outcome)
      at = behind
    }
    this.#endSpans(section)
    if (n < events) return { ...section, start: at, events: events - n }
    assert(at === section.end, 'a section holds as many events as it says')
    return null
  }

  #endSpans({ arrivalMs }: Section): void {
    this.#shared?.endSpan(arrivalMs)
    for (const { rows } of this.#runners) rows.endSpan(arrivalMs)
  }

  /** Notes where the event at an offset is and belongs; returns the offset of the next one. */
  #locate(at: number): number {
    const event = this.#event
    const next = readSectionEvent(this.#buffers.words, at, event)
    const place = this.#place
    place.eventIndex = event.index
    place.keyHash = event.keyHash
    place.keyStart = event.keyStart
    place.keyEnd = event.keyStart + event.keyBytes
    return next
  }

  /** Reads an event straight into the next row; false when it needs the full path. */
  #readPlain(section: Section): boolean {
    if (this.#fast === null) return false
    const { events, eventsView } = this.#buffers
    const { start, end } = this.#event
    const rows = this.#shared!
    const place = this.#place
    const i = rows.count
    if (!this.#fast(events, eventsView, start, end, i)) return false
    if (rows.timeMs[i]! >= section.latestMs) return false
    rows.eventIndex[i] = place.eventIndex
    rows.keyHash[i] = place.keyHash
    rows.keyStart[i] = place.keyStart
    rows.keyEnd[i] = place.keyEnd
    rows.count = i + 1
    return true
  }

  #readEvent(section: Section): Rejection | null {
    const decoded = this.#decode(section)
    return decoded === null || 'code' in decoded ? decoded : this.#count(decoded)
  }

  /** Puts the id of the row that was read last; null, without the row, if it is not usable. */
  #claimPlain(ids: EventIds): IdVerdict | null {
    const rows = this.#shared!
    const column = this.#idColumn!
    const i = rows.count - 1
    const { id } = this.#place
    const idBytes =
      column.kind === 'int'
        ? writeIntegerId(id, column.high[i]!, column.low[i]!)
        : writeEventId(id, column.values[i]!)
    const verdict = idBytes === 0 ? null : this.#claim(ids, idBytes)
    if (verdict !== 'first') rows.count = i
    return verdict
  }

  /** The full path of an event with an id; one that is left out claims none. */
  #readIdentified(section: Section, ids: EventIds): Rejection | IdVerdict {
    const decoded = this.#decode(section)
    if (decoded === null) return 'first'
    if ('code' in decoded) return decoded
    const idBytes = writeEventId(this.#place.id, decoded.values[this.#idName]!)
    const verdict = this.#claim(ids, idBytes)
    return verdict === 'first' ? (this.#count(decoded) ?? verdict) : verdict
  }

  #claim(ids: EventIds, idBytes: number): IdVerdict {
    this.#place.idBytes = idBytes
    return ids.claim(this.#place)
  }

  #decode(section: Section): DecodedEvent | Rejection | null {
    const place = this.#place
    const { start, end } = this.#event
    const decoded = this.#reader(this.#buffers.events, start, end)
    if (decoded === null) return null
    if (isProblem(decoded)) {
      return rejection(place.eventIndex, decoded.code, decoded.path, decoded.details)
    }
    place.timeMs = decoded.timeMs
    place.timeNs = decoded.timeNs
    if (!isAfter(decoded, section.latestMs)) return decoded
    const aheadMs = decoded.timeMs - section.arrivalMs
    const path = pointer('', this.#source.timestampField)
    // It may be that the shard takes no more of what is ahead at all.
    const isAhead = !isAfter(decoded, section.arrivalMs + futureMsMax)
    const code = isAhead ? 'EVENT_AHEAD' : 'EVENT_IN_FUTURE'
    return rejection(place.eventIndex, code, path, { aheadMs, max: parkedRowsMax })
  }

  /** Makes the rows of an event, or none. */
  #count(decoded: DecodedEvent): Rejection | null {
    const place = this.#place
    if (this.#runners.length > 0) {
      const failed = this.#transform(decoded)
      if (failed !== null) return rejection(place.eventIndex, 'TRANSFORM_FAILED', '', failed)
    }
    if (this.#shared !== null) appendRow(this.#shared, place, decoded.values)
    return null
  }

  /** Runs the transforms; when one fails, the rows that others made of the event are taken back. */
  #transform({ values }: DecodedEvent): { view: string; reason: string } | null {
    makeReadOnly(values)
    const before = this.#runners.map(({ rows }) => rows.count)
    for (const runner of this.#runners) {
      const reason = runner.run(values, this.#place)
      if (reason === null) continue
      for (const [n, { rows }] of this.#runners.entries()) rows.count = before[n]!
      return { view: runner.view.name, reason }
    }
    return null
  }
}

function isAfter({ timeMs, timeNs }: DecodedEvent, limitMs: number): boolean {
  return timeMs > limitMs || (timeMs === limitMs && timeNs > 0)
}

/** The field that holds the id of a source's events; none without such a rule. */
function idFields({ dedupe }: Source): readonly Field[] {
  return dedupe.by === 'event-id' ? [dedupe.field] : []
}

/** The fields of all lists, each name once. */
function unionOf(lists: readonly (readonly Field[])[]): readonly Field[] {
  return [...new Map(lists.flat().map((field) => [field.name, field])).values()]
}
