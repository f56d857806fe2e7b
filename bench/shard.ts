/**
 * One shard in the process of a bench: without sockets, journal and lane.
 *
 * It is given buffers as the router makes them, of events of `features.ts`, and is read as the
 * daemon reads it.
 */
import { hashBytes } from '../src/base/hash.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { streamFeatureView } from '../src/index.ts'
import type { Catalog } from '../src/model/catalog.ts'
import { encodeKey } from '../src/model/key.ts'
import type { ReadResult } from '../src/model/message.ts'
import { createEncoder, MsgpackTimestamp } from '../src/model/msgpack.ts'
import { SectionWriter } from '../src/model/section.ts'
import { Shard } from '../src/shard/shard.ts'
import { createRouteValidator } from '../src/validate/route-validator.ts'
import { impressions, user } from './features.ts'
import { userId } from './workload.ts'

/** What the n-th event of a bench is; the rest of its fields follows from n. */
export interface ShardEvents {
  readonly keyOf: (n: number) => number
  readonly timeMsOf: (n: number) => number
  /** A multiple of 1/8, so that sums are exact. */
  readonly amountOf: (n: number) => number
}

/** One section, as the router hands it over. */
export interface SentSection {
  readonly buffer: SharedArrayBuffer
  readonly byteLength: number
}

/** @param view  Its features and how its windows move. */
export function catalogOf(view: object): Catalog {
  const definition = { name: 'spend', source: impressions, entities: [user], ...view }
  return buildCatalog([streamFeatureView(definition as never)])
}

/** @param storePath  A folder of its own. */
export function openShard(catalog: Catalog, storePath: string): Promise<Shard> {
  const validators = catalog.routes.map((route) => createRouteValidator(catalog, route))
  return Shard.open({ index: 0, catalog, validators, viewIds: [0], storePath, seed })
}

const encoder = createEncoder()
const seed = { k0: 1, k1: 2 }
const joinKeys = [{ name: 'user_id', type: { kind: 'String', nullable: false } }] as const

/** A section's first buffer, bytes: it grows, and is as large as the section when it is sent. */
const bufferBytes = 64 * 1024

/** Events `from` to `to`, without the last, which have arrived at `arrivalMs`, in one section. */
export function sectionOf(
  { keyOf, timeMsOf, amountOf }: ShardEvents,
  range: { readonly from: number; readonly to: number },
  arrivalMs: number,
): SentSection {
  const writer = new SectionWriter(new SharedArrayBuffer(bufferBytes))
  writer.open(0, 0, range.to, arrivalMs)
  for (let n = range.from; n < range.to; n++) {
    const user_id = userId(keyOf(n))
    const bytes = encoder.encode({
      user_id,
      timestamp: new MsgpackTimestamp(BigInt(timeMsOf(n)) * 1_000_000n),
      amount: amountOf(n),
      clicked: n % 2,
      campaign: n % 100,
      country: 'NL',
    })
    const { key, keyHash } = placeOf(user_id)
    writer.event(n - range.from, keyHash, key, 0, key.length, bytes, 0, bytes.length)
  }
  writer.close()
  return writer.take()
}

/**
 * Applies sections.
 *
 * @throws when an event is rejected.
 */
export function applyTo(shard: Shard, sections: readonly SentSection[]): void {
  const rejected: never[] = []
  for (const { buffer, byteLength } of sections) shard.apply(buffer, byteLength, rejected)
  if (rejected.length > 0) throw new Error('events were rejected')
}

/** Reads features of a key, by their places in the view, at a moment of the clock. */
export function readKey(
  shard: Shard,
  key: number,
  features: readonly number[],
  edgeMs: number,
): ReadResult {
  shard.admit({ view: 0, edgeMs })
  return shard.read({
    view: 0,
    shard: 0,
    ...placeOf(userId(key)),
    features,
    leadingEdge: 'wall-clock',
    edgeMs,
    watermarkMs: -Infinity,
    watermarkNs: 0,
  })
}

function placeOf(user_id: string): { readonly key: Uint8Array; readonly keyHash: number } {
  const key = encodeKey(joinKeys, { user_id }) as Uint8Array
  return { key, keyHash: hashBytes(key, 0, key.length, seed) }
}
