/**
 * The full way to a decision about an event on the main thread, for the few that need it.
 *
 * Both functions decode and convert exactly like a shard does, so that the answer for an event does
 * not depend on where it was found. A join key is that of the raw event, because a post-processor
 * may not change it; so only events that no view reads are post-processed here.
 */
import { guardUserCode } from '../base/user-context.ts'
import type { Catalog, Source } from '../model/catalog.ts'
import type { KeyResolver } from '../model/contracts.ts'
import type { Problem } from '../model/convert.ts'
import { pointer } from '../model/convert.ts'
import { encodeKey } from '../model/key.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import { isProblem } from './decoder.ts'
import { createEventReader, createRawDecoder } from './event-reader.ts'

/** Resolves the entity key of events that the key scan finds unusual. */
export function createKeyResolver(catalog: Catalog): KeyResolver {
  const decoderOf = bySource(catalog, createRawDecoder)
  return (routeIndex, bytes, start, end) => {
    const route = catalog.routes[routeIndex]!
    const decoded = decoderOf(route.source).decode(bytes, start, end)
    if (isProblem(decoded)) return reject(decoded)
    const key = encodeKey(route.joinKeys, decoded.values)
    if (key instanceof Uint8Array) return key
    return reject({
      code: 'EVENT_KEY',
      path: pointer('', key.field),
      details: { reason: key.reason },
    })
  }
}

/** Says whether an event is valid, for sources that no view reads; null if it is. */
export type EventValidator = (
  source: number,
  bytes: Uint8Array,
  start: number,
  end: number,
) => Omit<Rejection, 'index'> | null

export function createEventValidator(catalog: Catalog): EventValidator {
  const readerOf = bySource(catalog, (source) => {
    if (source.input !== undefined) guardUserCode()
    return createEventReader(catalog, source)
  })
  return (source, bytes, start, end) => {
    const event = readerOf(source)(bytes, start, end)
    return event !== null && isProblem(event) ? reject(event) : null
  }
}

/** One of each by source, made when the first event needs it: compiling a schema takes time. */
function bySource<T>(catalog: Catalog, create: (source: Source) => T): (source: number) => T {
  const created = new Map<number, T>()
  return (index) => {
    let one = created.get(index)
    if (one === undefined) {
      one = create(catalog.sources[index]!)
      created.set(index, one)
    }
    return one
  }
}

function reject({ code, path, details }: Problem): Omit<Rejection, 'index'> {
  const { message, path: shown } = rejection(0, code, path, details)
  return { code, path: shown, message }
}
