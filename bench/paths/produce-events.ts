/**
 * The events of the `produce` bench, as a program has them: objects, made one by one.
 *
 * The n-th follows from the seed and n alone, so that whoever has its bytes can tell what it was.
 * They are those of `ingest`: six fields, 91 bytes of msgpack.
 */
import type { EventOf } from '../../src/index.ts'
import type { impressions } from '../features.ts'
import { userId } from '../workload.ts'

export type Impression = EventOf<typeof impressions>

export interface EventOptions {
  readonly seed: number
  readonly keys: number
}

/** Event time of the first, ms; one more for each after it. Odd: no short form of a timestamp. */
const startMs = 1_750_000_000_001

const countries = Array.from({ length: 16 }, (_, n) =>
  String.fromCharCode(97 + (n >> 2), 97 + (n % 4)),
)

/** @returns the n-th event. */
export function eventMaker({ seed, keys }: EventOptions): (n: number) => Impression {
  // Flat strings, as they come out of a parser: concatenated ones are flattened when they are read.
  const users = Array.from({ length: keys }, (_, key) =>
    Buffer.from(userId(key)).toString('latin1'),
  )
  return (n) => {
    const bits = mixed(n + Math.imul(seed, 0x9e37_79b9))
    return {
      user_id: users[bits % keys]!,
      timestamp: new Date(startMs + 1000 * (n % 1_000_000)),
      amount: (bits % 10_000) / 4 + 1 / 8,
      clicked: (bits >>> 8) % 100,
      campaign: 1000 + ((bits >>> 4) % 9000),
      country: countries[bits >>> 28]!,
    }
  }
}

/** 32 bits of a number, well mixed: the finalizer of MurmurHash3. */
function mixed(number: number): number {
  let bits = number | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
