/**
 * What a READ asks for beside its keys, as a map of the wire and back.
 *
 * Members that are not known are skipped: a newer client is understood, as far as it goes.
 */
import { MillraceError } from '../base/errors.ts'
import { isLeadingEdge, leadingEdges } from '../model/catalog.ts'
import type { ReadOptions, ReadPort, TypedFeatureTable } from '../model/contracts.ts'
import { MsgpackTimestamp, wireInteger } from '../model/msgpack.ts'
import { invalidFrame } from './cursor.ts'
import * as check from './fields.ts'
import type { ReadFrame } from './frames.ts'

/** How a READ is meant. */
export interface ReadAsked {
  readonly options: ReadOptions
  /** Whether its one key is a part of one, and all that is known of it is wanted. */
  readonly isQuery: boolean
}

/** Null where there is nothing to be said. */
export function encodeReadOptions({ options, isQuery }: ReadAsked): object | null {
  const { leadingEdge, requestData } = options
  const map = {
    ...(leadingEdge !== undefined && { leadingEdge }),
    ...(requestData !== undefined && { requests: requestData.map(wireGiven) }),
    ...(isQuery && { query: true }),
  }
  return Object.keys(map).length > 0 ? map : null
}

/** An absent element is no options. */
export function decodeReadOptions(element: unknown): ReadAsked {
  if (element === undefined || element === null) return { options: {}, isQuery: false }
  const { leadingEdge, requests, query } = check.map(element, 'options')
  const edge = leadingEdge ?? null
  if (edge !== null && !isLeadingEdge(edge)) {
    return invalidFrame(`leadingEdge is one of ${leadingEdges.join(', ')}`)
  }
  const requestData = check.optional(requests, 'requests', check.list)
  const options = {
    ...(edge !== null && { leadingEdge: edge }),
    ...(requestData !== null && {
      requestData: requestData.map((request) => check.map(request, 'request')),
    }),
  }
  return { options, isQuery: query === true }
}

/** What a READ is answered with. */
export async function readTable(
  read: ReadPort,
  { name, keys, options, isQuery }: ReadFrame,
): Promise<TypedFeatureTable> {
  if (!isQuery) return read.read(name, keys, options)
  if (keys.length === 1) return read.query(name, keys[0]!, options)
  const reason = `a query has one key, and there are ${keys.length}`
  throw new MillraceError('REQUEST_INVALID', { path: 'keys', reason })
}

/** A value as a caller has it, in the form that the encoder writes. */
export function wireGiven(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? wireInteger(value) : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(wireGiven)
  if (value instanceof Date || value instanceof MsgpackTimestamp) return value
  const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value)
  return Object.fromEntries([...entries].map(([name, part]) => [name, wireGiven(part)]))
}
