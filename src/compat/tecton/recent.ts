/**
 * What has happened in the last five minutes, as the platform's gauges tell it: how often, and how
 * long it took.
 *
 * Time is cut into slots, of which the oldest is forgotten as a new one begins: what is told is of
 * the last four and a half minutes at least, and a rate is by the time that it is of. Before the
 * start nothing has happened.
 */

const slots = 10
const slotMs = 30_000

/** A few counts side by side. */
export class RecentCounts {
  readonly #width: number
  readonly #counts: Float64Array
  /** The newest slot that was counted in: its number since the clock was 0. */
  #newest = 0

  constructor(width = 1) {
    this.#width = width
    this.#counts = new Float64Array(slots * width)
  }

  add(nowMs: number, count = 1, place = 0): void {
    this.#forget(nowMs)
    this.#counts[(this.#newest % slots) * this.#width + place]! += count
  }

  total(nowMs: number, place = 0): number {
    this.#forget(nowMs)
    let total = 0
    for (let slot = 0; slot < slots; slot++) total += this.#counts[slot * this.#width + place]!
    return total
  }

  perSecond(nowMs: number): number {
    return (this.total(nowMs) * 1000) / ((slots - 1) * slotMs + (nowMs % slotMs))
  }

  /** Empties the slots that have begun since the last look. */
  #forget(nowMs: number): void {
    const current = Math.floor(nowMs / slotMs)
    const from = Math.max(this.#newest + 1, current - slots + 1)
    for (let slot = from; slot <= current; slot++) {
      const start = (slot % slots) * this.#width
      this.#counts.fill(0, start, start + this.#width)
    }
    this.#newest = Math.max(this.#newest, current)
  }
}

/** Times fall into buckets, each so many times as long as the one before, from the shortest on. */
const shortestMs = 0.01
const growth = 1.05
const buckets = 340

/** Times of something that happens again and again. */
export class RecentTimes {
  readonly #buckets = new RecentCounts(buckets)
  readonly #times = new RecentCounts()
  /** Of all of them since the start. */
  count = 0
  seconds = 0

  add(nowMs: number, ms: number): void {
    const bucket = Math.ceil(Math.log(ms / shortestMs) / Math.log(growth))
    this.#buckets.add(nowMs, 1, Math.min(Math.max(bucket, 0), buckets - 1))
    this.#times.add(nowMs)
    this.count += 1
    this.seconds += ms / 1000
  }

  perSecond(nowMs: number): number {
    return this.#times.perSecond(nowMs)
  }

  /**
   * The time in seconds that a share of them does not exceed, up to 5 % more; NaN where nothing
   * has happened.
   */
  quantile(nowMs: number, share: number): number {
    const rank = Math.ceil(this.#times.total(nowMs) * share)
    if (rank === 0) return NaN
    let bucket = 0
    for (let seen = this.#buckets.total(nowMs); seen < rank;) {
      bucket += 1
      seen += this.#buckets.total(nowMs, bucket)
    }
    return (shortestMs * growth ** bucket) / 1000
  }
}

/** The entry of a key, made where there is none. */
export function entryOf<K, V>(entries: Map<K, V>, key: K, create: () => V): V {
  let entry = entries.get(key)
  if (entry === undefined) entries.set(key, (entry = create()))
  return entry
}
