/**
 * The full way to a decision about an event on the main thread, for the few that need it.
 *
 * Both functions decode and convert exactly like a shard does, so that the answer for an event does
 * not depend on where it was found.
 */
import type { Catalog } from '../model/catalog.ts'
import type { KeyResolver } from '../model/contracts.ts'
import type { Problem } from '../model/convert.ts'
import { pointer } from '../model/convert.ts'
import { encodeKey } from '../model/key.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import { createEventDecoder, isProblem, type EventDecoder } from './decoder.ts'

/** Resolves the entity key of events that the key scan finds unusual. */
export function createKeyResolver(catalog: Catalog): KeyResolver {
  const decoderOf = lazyDecoders(catalog)
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
  const decoderOf = lazyDecoders(catalog)
  return (source, bytes, start, end) => {
    const decoded = decoderOf(source).decode(bytes, start, end)
    return isProblem(decoded) ? reject(decoded) : null
  }
}

/** Decoders by source, made when the first event needs one: compiling a schema takes time. */
function lazyDecoders(catalog: Catalog): (source: number) => EventDecoder {
  const decoders = new Map<number, EventDecoder>()
  return (source) => {
    let decoder = decoders.get(source)
    if (decoder === undefined) {
      decoder = createEventDecoder(catalog.sources[source]!)
      decoders.set(source, decoder)
    }
    return decoder
  }
}

function reject({ code, path, details }: Problem): Omit<Rejection, 'index'> {
  const { message, path: shown } = rejection(0, code, path, details)
  return { code, path: shown, message }
}
