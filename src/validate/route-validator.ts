/**
 * The events of one section → rows in columns for the views of their route.
 *
 * In: a section as the router wrote it. Out: one batch of rows for all views that aggregate the
 * event as it is, one more for each view with a transform, and a rejection for every event that
 * cannot count. An event counts for every view of the route or for none: if one transform fails,
 * the event is rejected. All decisions follow from the event's bytes and its arrival time, so a
 * replay decides the same. Thread: shard.
 */
import { assert } from '../base/assert.ts'
import { futureMsMax } from '../base/limits.ts'
import type { Catalog, Route, Source } from '../model/catalog.ts'
import { pointer } from '../model/convert.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import { RowBatch } from '../model/rows.ts'
import { eventHeaderBytes, type Section } from '../model/section.ts'
import type { Field } from '../model/types.ts'
import { appendRow, type RowPlace } from './append-row.ts'
import { isProblem, type DecodedEvent } from './decoder.ts'
import { createEventReader, type EventReader } from './event-reader.ts'
import { createFastReader, type FastReader } from './fast-reader.ts'
import { makeReadOnly } from './read-only.ts'
import { createTransformRunner, type TransformRunner } from './transform-runner.ts'

export interface RouteValidator {
  /**
   * Reads all events of a section of this route; rows of the section before are gone.
   *
   * @param bytes  The buffer that holds the section; keys of the rows stay in it.
   * @param rejections  Filled with the events that cannot count, by their place in the batch.
   */
  readSection(section: Section, bytes: Uint8Array, rejections: Rejection[]): void
  /**
   * The rows of the last section for a view of this route.
   *
   * @param view  Place in `Catalog.views`. Views without a transform share one batch, which holds
   *   the columns of all of them; the batches are the same objects for every section.
   */
  rowsOf(view: number): RowBatch
}

/** @param route  A route of the catalog; its views and source are taken from there. */
export function createRouteValidator(catalog: Catalog, route: Route): RouteValidator {
  const source = catalog.sources[route.source]!
  const views = route.views.map((view) => catalog.views[view]!)
  const plain = views.filter(({ transform }) => transform === null)
  const shared =
    plain.length === 0 ? null : new RowBatch(unionOf(plain.map(({ columns }) => columns)))
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

class SectionReader implements RouteValidator {
  readonly #source: Source
  readonly #reader: EventReader
  /** Null when every view of the route has a transform. */
  readonly #shared: RowBatch | null
  readonly #runners: readonly TransformRunner[]
  /** Null when every event needs the full path: user code wants it as an object. */
  readonly #fast: FastReader | null
  readonly #batches: ReadonlyMap<number, RowBatch>
  /** Where the rows of the event at hand belong. */
  readonly #place: RowPlace = {
    eventIndex: 0,
    timeMs: 0,
    timeNs: 0,
    keyHash: 0,
    keyStart: 0,
    keyEnd: 0,
  }

  constructor({ source, reader, shared, runners, batches }: SectionReaderOptions) {
    this.#source = source
    this.#reader = reader
    this.#shared = shared
    this.#runners = runners
    this.#batches = batches
    const isPlain = source.input === undefined && runners.length === 0
    this.#fast = shared !== null && isPlain ? createFastReader(source, shared) : null
  }

  rowsOf(view: number): RowBatch {
    const rows = this.#batches.get(view)
    assert(rows !== undefined, 'the view is one of the route')
    return rows
  }

  readSection(section: Section, bytes: Uint8Array, rejections: Rejection[]): void {
    const { events, arrivalMs, end } = section
    this.#shared?.reset(bytes, events)
    for (const { rows } of this.#runners) rows.reset(bytes, events)
    const headers = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const place = this.#place
    let at = section.start
    for (let n = 0; n < events; n++) {
      place.eventIndex = headers.getUint32(at, true)
      place.keyHash = headers.getUint32(at + 4, true)
      place.keyStart = at + eventHeaderBytes
      place.keyEnd = place.keyStart + headers.getUint16(at + 12, true)
      at = place.keyEnd + headers.getUint32(at + 8, true)
      if (this.#readPlain(buffer, headers, at, arrivalMs)) continue
      const rejected = this.#readEvent(bytes, place.keyEnd, at, arrivalMs)
      if (rejected !== null) rejections.push(rejected)
    }
    assert(at === end, 'a section holds as many events as it says')
  }

  /** Reads an event straight into the next row; false when it needs the full path. */
  #readPlain(bytes: Buffer, view: DataView, end: number, arrivalMs: number): boolean {
    if (this.#fast === null) return false
    const rows = this.#shared!
    const place = this.#place
    const i = rows.count
    if (!this.#fast(bytes, view, place.keyEnd, end, i)) return false
    if (rows.timeMs[i]! >= arrivalMs + futureMsMax) return false
    rows.eventIndex[i] = place.eventIndex
    rows.keyHash[i] = place.keyHash
    rows.keyStart[i] = place.keyStart
    rows.keyEnd[i] = place.keyEnd
    rows.count = i + 1
    return true
  }

  #readEvent(bytes: Uint8Array, start: number, end: number, arrivalMs: number): Rejection | null {
    const place = this.#place
    const decoded = this.#reader(bytes, start, end)
    if (decoded === null) return null
    if (isProblem(decoded)) {
      return rejection(place.eventIndex, decoded.code, decoded.path, decoded.details)
    }
    place.timeMs = decoded.timeMs
    place.timeNs = decoded.timeNs
    if (isInFuture(decoded, arrivalMs)) {
      const aheadMs = decoded.timeMs - arrivalMs
      const path = pointer('', this.#source.timestampField)
      return rejection(place.eventIndex, 'EVENT_IN_FUTURE', path, { aheadMs })
    }
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

function isInFuture({ timeMs, timeNs }: DecodedEvent, arrivalMs: number): boolean {
  const limitMs = arrivalMs + futureMsMax
  return timeMs > limitMs || (timeMs === limitMs && timeNs > 0)
}

/** The fields of all lists, each name once. */
function unionOf(lists: readonly (readonly Field[])[]): readonly Field[] {
  return [...new Map(lists.flat().map((field) => [field.name, field])).values()]
}
