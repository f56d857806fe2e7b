/**
 * What the newest batches of each producer held, so that another event under a sequence that was
 * taken is told from a repeat.
 *
 * A batch is remembered by two CRCs: the one before its payload and the one behind it. The journal
 * has computed both, so a batch that is new costs a few numbers, whatever it holds. A repeat is
 * compared batch by batch as they were taken, however it is cut itself; those that it holds only a
 * part of are not. Bounds: batches by producer, and producers; beyond, a repeat is believed.
 *
 * Pure. Memory: about 2.5 KB a producer.
 */
import { crc32 } from 'node:zlib'
import { recentBatchesMax, recentProducersMax } from '../base/limits.ts'
import { eventStarts } from '../model/payload.ts'

/** A batch of which all is taken. */
export interface TakenBatch {
  /** Name of the source. */
  readonly source: string
  readonly sequence: number
  readonly count: number
  /** CRC of whatever comes before the payload. */
  readonly crcBefore: number
  /** The same, with the payload behind it. */
  readonly crcBehind: number
}

/** A batch that comes again, under sequences that are taken. */
export interface RepeatedBatch {
  readonly source: string
  readonly sequence: number
  /** Its events; more than these may be in the payload. */
  readonly count: number
  /** A msgpack array of `bin`s. */
  readonly payload: Uint8Array
}

/** One producer's batches: the newest take the places of the oldest. */
interface Ring {
  next: number
  readonly sources: string[]
  readonly sequences: Float64Array
  /** Count, CRC before and CRC behind of each. */
  readonly numbers: Uint32Array
}

export class RecentBatches {
  /** By producer, in the order of their epochs' beginning. */
  readonly #rings = new Map<number, Ring>()

  /** Forgets a producer's batches: it begins an epoch, or is no more. */
  forget(producer: number): void {
    this.#rings.delete(producer)
  }

  add(producer: number, batch: TakenBatch): void {
    const ring = this.#rings.get(producer) ?? this.#open(producer)
    const place = ring.next
    ring.next = (place + 1) % recentBatchesMax
    ring.sources[place] = batch.source
    ring.sequences[place] = batch.sequence
    ring.numbers[3 * place] = batch.count
    ring.numbers[3 * place + 1] = batch.crcBefore
    ring.numbers[3 * place + 2] = batch.crcBehind
  }

  /** First sequence of a batch that held something else than the repeat says; null for none. */
  differs(producer: number, repeat: RepeatedBatch): number | null {
    const ring = this.#rings.get(producer)
    if (ring === undefined) return null
    const end = repeat.sequence + repeat.count
    const places: number[] = []
    for (let n = 0; n < ring.sources.length; n++) {
      const place = (ring.next + n) % ring.sources.length
      const first = ring.sequences[place]!
      if (first >= repeat.sequence && first + ring.numbers[3 * place]! <= end) places.push(place)
    }
    const edges = places.flatMap((place) => {
      const first = ring.sequences[place]! - repeat.sequence
      return [first, first + ring.numbers[3 * place]!]
    })
    const starts = eventStarts(repeat.payload, edges)
    for (const [n, place] of places.entries()) {
      const events = repeat.payload.subarray(starts[2 * n], starts[2 * n + 1])
      if (ring.sources[place] === repeat.source && isSame(ring, place, events)) continue
      return ring.sequences[place]!
    }
    return null
  }

  #open(producer: number): Ring {
    if (this.#rings.size >= recentProducersMax) {
      this.#rings.delete(this.#rings.keys().next().value!)
    }
    const ring = {
      next: 0,
      sources: [],
      sequences: new Float64Array(recentBatchesMax),
      numbers: new Uint32Array(3 * recentBatchesMax),
    }
    this.#rings.set(producer, ring)
    return ring
  }
}

/** Whether a batch held these events, in an array whose head was any of those it can have. */
function isSame({ numbers }: Ring, place: number, events: Uint8Array): boolean {
  const [count, before, behind] = numbers.subarray(3 * place, 3 * place + 3)
  return arrayHeads(count!).some((head) => crc32(events, crc32(head, before)) === behind)
}

/** The heads of a msgpack array. */
function arrayHeads(count: number): Uint8Array[] {
  const long = [0xdd, count >>> 24, (count >>> 16) & 0xff, (count >>> 8) & 0xff, count & 0xff]
  const heads = [Uint8Array.from(long)]
  if (count < 0x10000) heads.push(Uint8Array.of(0xdc, count >>> 8, count & 0xff))
  if (count < 16) heads.push(Uint8Array.of(0x90 | count))
  return heads.toReversed()
}
