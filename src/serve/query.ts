/**
 * Queries: which keys are known of which a part is given.
 *
 * Keys with one part in common are in all shards, so each view with an index is searched in every
 * shard. What is found are keys that have been seen; which of them have expired tells the read that
 * follows.
 */
import { MillraceError } from '../base/errors.ts'
import { queryRowsMax } from '../base/limits.ts'
import { decodeKeyValues } from '../model/key.ts'
import type { ViewAnswer } from './feature-row.ts'
import type { Field, Value } from '../model/types.ts'
import { convertKey, keyBytes, type Given } from './read-keys.ts'
import type { Readable, ReadablePart } from './services.ts'

/**
 * Finds the keys of a service.
 *
 * @param search  Gives the keys of a view whose index values, encoded, are these.
 * @returns the values of all join keys, ordered by those that were not given.
 * @throws MillraceError `KEY_NOT_INDEXED`, `KEY_INVALID`, `TOO_MANY_ROWS`
 */
export async function findKeys(
  service: Readable,
  given: Given,
  search: (view: number, index: Uint8Array) => Promise<readonly Uint8Array[]>,
): Promise<readonly (readonly Value[])[]> {
  const { joinKeys, servingIndex } = service
  if (servingIndex === null) throw new MillraceError('KEY_NOT_INDEXED', { name: service.name })
  const indexed = joinKeys.filter(({ name }) => servingIndex.includes(name))
  const values = new Map(
    convertKey(indexed, given, { of: 'query' }).map((value, n) => [indexed[n]!.name, value]),
  )
  // Checks those that no view has in its index, too.
  keyBytes(indexed, [...values.values()], null)
  const found = new Map<string, readonly Value[]>()
  await Promise.all(
    service.parts.map(async (part) => {
      if (part.view.servingIndex === null) return
      const { view } = part
      const own = view.joinKeys.filter(({ name }) => view.servingIndex!.includes(name))
      const index = keyBytes(
        own,
        own.map((key) => values.get(nameOf(service, part, key))!),
        null,
      )
      for (const key of await search(view.index, index)) {
        const row = rowOf(service, part, decodeKeyValues(view.joinKeys, key), values)
        found.set(Buffer.from(keyBytes(joinKeys, row, null)).toString('latin1'), row)
      }
    }),
  )
  if (found.size > queryRowsMax) throw new MillraceError('TOO_MANY_ROWS', { max: queryRowsMax })
  const open = [...joinKeys.keys()].filter((at) => !servingIndex.includes(joinKeys[at]!.name))
  return [...found.values()].toSorted((a, b) => {
    for (const at of open) {
      const order = compareValues(a[at]!, b[at]!)
      if (order !== 0) return order
    }
    return 0
  })
}

/** Whether a view that was searched knows a key, and it has not expired. */
export function isKnown(
  { parts }: Readable,
  results: readonly Pick<ViewAnswer, 'entity'>[],
  row: number,
): boolean {
  const first = row * parts.length
  return parts.some(
    ({ view }, part) => view.servingIndex !== null && isServed(results[first + part]!),
  )
}

function isServed({ entity }: Pick<ViewAnswer, 'entity'>): boolean {
  return entity === 'present' || entity === 'backfilling'
}

/** What a join key of a view is called in the service. */
function nameOf({ joinKeys }: Readable, { view, keyPlaces }: ReadablePart, key: Field): string {
  const at = view.joinKeys.indexOf(key)
  return joinKeys[keyPlaces === null ? at : keyPlaces[at]!]!.name
}

/** The values of the service's join keys: those that were given, and those of a view's key. */
function rowOf(
  { joinKeys }: Readable,
  { keyPlaces }: ReadablePart,
  own: readonly Value[],
  given: ReadonlyMap<string, Value>,
): readonly Value[] {
  if (keyPlaces === null) return own
  return joinKeys.map(({ name }, place) => given.get(name) ?? own[keyPlaces.indexOf(place)]!)
}

/** Numbers by size, texts by code point, false before true. */
function compareValues(a: Value, b: Value): number {
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
  return a! < b! ? -1 : a! > b! ? 1 : 0
}
