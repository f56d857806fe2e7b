/**
 * One event's bytes, as a producer pushed them → the event as views see it.
 *
 * Without a post-processor, what is pushed is the event. With one, it is a raw event: checked
 * against the source's input first, then made into an event or left out. Where a source's events
 * have ids, an event has a usable one. Thread: any.
 */
import type { Catalog, Source } from '../model/catalog.ts'
import { pointer, type Problem } from '../model/convert.ts'
import { eventIdProblem } from '../model/event-id.ts'
import {
  createEventDecoder,
  createValuesDecoder,
  isProblem,
  type DecodedEvent,
  type Decoder,
  type DecodedValues,
} from './decoder.ts'
import { createPostProcess } from './post-processor.ts'

/** Reads the event `bytes[start, end)`; null: the post-processor leaves it out. */
export type EventReader = (
  bytes: Uint8Array,
  start: number,
  end: number,
) => DecodedEvent | Problem | null

export function createEventReader(catalog: Pick<Catalog, 'routes'>, source: Source): EventReader {
  const read = createReader(catalog, source)
  const { dedupe } = source
  if (dedupe.by !== 'event-id') return read
  const { name } = dedupe.field
  const path = pointer('', name)
  return (bytes, start, end) => {
    const event = read(bytes, start, end)
    if (event === null || isProblem(event)) return event
    const reason = eventIdProblem(event.values[name]!)
    return reason === null ? event : { code: 'EVENT_ID', path, details: { reason } }
  }
}

function createReader({ routes }: Pick<Catalog, 'routes'>, source: Source): EventReader {
  if (source.input === undefined) {
    const decoder = createEventDecoder(source)
    return (bytes, start, end) => decoder.decode(bytes, start, end)
  }
  // Those of every route, so that all of them decide the same.
  const joinKeys = source.routes.flatMap((route) => routes[route]!.joinKeys)
  const names = [...new Set(joinKeys.map(({ name }) => name))]
  const postProcess = createPostProcess(source, source.input, names)
  const decoder = createRawDecoder(source)
  return (bytes, start, end) => {
    const raw = decoder.decode(bytes, start, end)
    return isProblem(raw) ? raw : postProcess(raw.values)
  }
}

/** Decodes events as they are pushed: what their join keys can be read from. */
export function createRawDecoder(source: Source): Decoder<DecodedValues> {
  return createValuesDecoder(source.input ?? source)
}
