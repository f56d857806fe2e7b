/**
 * One shard in the process of a bench: without sockets, journal and lane.
 *
 * It is given buffers as the router makes them, of events of `features.ts`, and is read as the
 * daemon reads it.
 */
import { batchEventsMax } from '../src/base/limits.ts'
import { hashBytes } from '../src/base/hash.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { streamFeatureView } from '../src/index.ts'
import type { Catalog } from '../src/model/catalog.ts'
import { encodeKey } from '../src/model/key.ts'
import type { ReadResult, ToShard } from '../src/model/message.ts'
import { createEncoder, MsgpackTimestamp } from '../src/model/msgpack.ts'
import { lanePart, type LanePart } from '../src/model/lane-sections.ts'
import { sectionBuffers, type SectionBuffers } from '../src/model/section.ts'
import type { RouterLane } from '../src/route/lane-mailbox.ts'
import { createRouter } from '../src/route/router.ts'
import { Shard } from '../src/shard/shard.ts'
import { createValidators } from '../src/shard/validators.ts'
import { decodeClientFrame, encodePublish, type PublishFrame } from '../src/wire/protocol.ts'
import { impressions, user, userSpend } from './features.ts'
import { userId } from './workload.ts'

/** What the n-th event of a bench is; the rest of its fields follows from n. */
export interface ShardEvents {
  readonly keyOf: (n: number) => number
  readonly timeMsOf: (n: number) => number
  /** A multiple of 1/8, so that sums are exact. */
  readonly amountOf: (n: number) => number
}

/** Sections of one shard, as the router hands them over. */
export interface SentSection {
  readonly buffers: SectionBuffers
  readonly part: LanePart
}

/** @param view  Its features and how its windows move. */
export function catalogOf(view: object): Catalog {
  const definition = { name: 'spend', source: impressions, entities: [user], ...view }
  return buildCatalog([streamFeatureView(definition as never)])
}

/** @param storePath  A folder of its own. */
export function openShard(catalog: Catalog, storePath: string): Promise<Shard> {
  const validators = createValidators(catalog)
  return Shard.open({ index: 0, catalog, ...validators, viewIds: [0], storePath, seed })
}

const encoder = createEncoder()
const seed = { k0: 1, k1: 2 }
/** A batch of which nothing is expected but that it is applied. */
export const noBatch = {
  expectLane() {},
  laneDone() {},
  keep: failed,
  reject: failed,
  late: failed,
  duplicate: failed,
}
const routerOptions = {
  catalog: buildCatalog([impressions, userSpend]),
  shards: 1,
  seed,
  resolveKey: failed,
  validateOnly: failed,
}
/** The join keys of the view of `features.ts`. */
export const joinKeys = [{ name: 'user_id', type: { kind: 'String', nullable: false } }] as const

/** Events `from` to `to`, without the last, which have arrived at `arrivalMs`. */
export function sectionOf(
  { keyOf, timeMsOf, amountOf }: ShardEvents,
  range: { readonly from: number; readonly to: number },
  arrivalMs: number,
): SentSection {
  const sent: Extract<ToShard, { kind: 'apply' }>[] = []
  const lane: RouterLane = {
    shards: [0],
    post: (message) => message.kind === 'apply' && sent.push(message),
    onMessage: () => {},
  }
  const router = createRouter({ ...routerOptions, lanes: [lane] })
  for (let at = range.from; at < range.to; at += batchEventsMax) {
    const events: Uint8Array[] = []
    for (let n = at; n < Math.min(at + batchEventsMax, range.to); n++) {
      const event = {
        user_id: userId(keyOf(n)),
        timestamp: new MsgpackTimestamp(BigInt(timeMsOf(n)) * 1_000_000n),
        amount: amountOf(n),
        clicked: n % 2,
        campaign: n % 100,
        country: 'NL',
      }
      events.push(encoder.encode(event))
    }
    const frame = decodeClientFrame(encodePublish(impressions.name, 0, events)) as PublishFrame
    router.route({ ...frame, source: 0, arrivalMs, inFlight: { ...noBatch, position: range.to } })
  }
  router.flush()
  const [{ sections, events }] = sent as [(typeof sent)[0]]
  const buffers = sectionBuffers(sections, events)
  return { buffers, part: lanePart(buffers.words, 0) }
}

/**
 * Applies sections.
 *
 * @throws when an event is rejected.
 */
export function applyTo(shard: Shard, sections: readonly SentSection[]): void {
  const rejected: never[] = []
  for (const { buffers, part } of sections) shard.apply(buffers, part, rejected)
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
  const { key: bytes, keyHash } = placeOf(userId(key))
  const about = { view: 0, features, leadingEdge: 'wall-clock', edgeMs } as const
  return shard.read(
    { ...about, watermarkMs: -Infinity, watermarkNs: 0 },
    { keyHash, bytes, keyStart: 0, keyEnd: bytes.length },
  )
}

function failed(): never {
  throw new Error('an event is not as it should be')
}

/** The entity key of a user, as it is hashed in the benches. */
export function placeOf(user_id: string): { readonly key: Uint8Array; readonly keyHash: number } {
  const key = encodeKey(joinKeys, { user_id }) as Uint8Array
  return { key, keyHash: hashBytes(key, 0, key.length, seed) }
}
