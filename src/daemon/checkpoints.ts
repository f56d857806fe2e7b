/**
 * When the shards write their state down, and which old segments of the journal go.
 *
 * A checkpoint of a shard is due after a time or after so much journal, whichever is first. The
 * shards take turns, evenly over that time: what all of them write at once would hold up the
 * disk, and with it every acknowledgement. A lane that is short of memory also makes its own. A
 * segment goes when every shard has checkpointed behind it, nothing of it is still to be recorded
 * in the ledger or to be exported, and it is older, or the journal larger, than asked.
 */
import type { Clock } from '../base/clock.ts'
import { checkpointBytesMax } from '../base/limits.ts'
import type { Journal } from '../journal/journal.ts'
import type { Meters } from '../metrics/meters.ts'
import type { FromShard, LaneStats, ShardOpened } from '../model/message.ts'
import type { Lane } from '../route/lanes.ts'
import type { Router } from '../route/router.ts'
import type { Maintenance } from '../base/maintenance.ts'
import type { Recording } from '../intake/recording.ts'

export interface CheckpointOptions {
  readonly journal: Journal
  readonly router: Router
  readonly lanes: readonly Lane[]
  readonly shards: readonly ShardOpened[]
  readonly recording: Pick<Recording, 'recorded'>
  /** Position from which on the offline log needs the journal; Infinity when it needs none. */
  readonly neededFrom: () => number
  readonly clock: Clock
  /** Time between checkpoints, ms. */
  readonly checkpointMs: number
  readonly retainBytesMax: number
  readonly retainMsMax: number
  /** Deletes old segments; a failure waits for the next checkpoint. */
  readonly maintain: Maintenance
  /** Told how long each checkpoint took; nobody is without. */
  readonly meters?: Pick<Meters, 'checkpointed'>
  /** Hears of what cannot be told to anyone else. */
  readonly onFailure: (thrown: unknown) => void
}

export interface CheckpointLag {
  readonly shard: number
  readonly bytes: number
  readonly ms: number
}

export class Checkpoints {
  readonly #options: CheckpointOptions
  /** By shard. */
  readonly #positions = new Map<number, number>()
  readonly #stats = new Map<number, LaneStats>()
  readonly #timer: NodeJS.Timeout
  readonly #stopListening: () => void
  /** By shard: when it was asked, if it has not answered, and has answered last; monotonic ms. */
  readonly #askedMs = new Map<number, number>()
  readonly #committedMs = new Map<number, number>()
  /** By shard: where a replay of its journal must begin. */
  readonly #froms = new Map<number, number>()
  /** Routed when a shard was asked last. */
  #lastPosition: number
  /** The shard whose turn it is. */
  #turn = 0
  #waiters: { position: number; from: number; resolve: () => void }[] = []
  #storing: { readonly left: Set<number>; readonly resolve: () => void }[] = []
  #retiring = Promise.resolve()

  constructor(options: CheckpointOptions) {
    this.#options = options
    this.#lastPosition = options.journal.recovered.end
    for (const { shard, position, from } of options.shards) {
      this.#positions.set(shard, position)
      this.#froms.set(shard, from)
      this.#committedMs.set(shard, options.clock.monotonicMs())
    }
    for (const lane of options.lanes) {
      lane.onMessage((message) => this.#receive(lane, message))
    }
    const shards = options.shards.length
    this.#timer = setInterval(() => this.#requestNext(), options.checkpointMs / shards).unref()
    this.#stopListening = options.journal.onFlushed((flushed) => {
      if (flushed - this.#lastPosition >= checkpointBytesMax / shards) this.#requestNext()
    })
  }

  /** Journal position that every shard has on disk. */
  get position(): number {
    return Math.min(...this.#positions.values())
  }

  /** What each lane said with its last checkpoint. */
  get stats(): readonly LaneStats[] {
    return [...this.#stats.values()]
  }

  /** The same, by lane. */
  get laneStats(): ReadonlyMap<number, LaneStats> {
    return this.#stats
  }

  /** How far each shard is behind what has been routed, bytes, and for how long, ms. */
  get lags(): readonly CheckpointLag[] {
    const { router, clock } = this.#options
    const nowMs = clock.monotonicMs()
    return [...this.#positions].map(([shard, position]) => {
      const bytes = Math.max(0, router.routed - position)
      return { shard, bytes, ms: bytes === 0 ? 0 : nowMs - this.#committedMs.get(shard)! }
    })
  }

  /** Asks every lane for a checkpoint of all that has been routed; returns its position. */
  request(): number {
    const { router, lanes } = this.#options
    // Nothing may be routed behind the request and before it is posted.
    router.flush()
    // Not the end of the journal: during recovery, most of it is still to come.
    const { routed } = router
    this.#lastPosition = routed
    if (routed > this.position || this.#from < this.position) {
      for (const lane of lanes) this.#post(lane, null)
    }
    return routed
  }

  /** Asks the shard whose turn it is, if it has anything to store. */
  #requestNext(): void {
    const { router, lanes } = this.#options
    const shard = this.#turn
    this.#turn = (shard + 1) % this.#positions.size
    router.flush()
    this.#lastPosition = router.routed
    const position = this.#positions.get(shard)!
    if (router.routed <= position && this.#froms.get(shard)! >= position) return
    this.#post(
      lanes.find(({ shards }) => shards.includes(shard))!,
      shard,
    )
  }

  #post(lane: Lane, shard: number | null): void {
    const { router, clock, recording, journal } = this.#options
    const { recorded } = recording
    // What is replayed arrived long ago, and must not find gone what it found then.
    const isReplaying = Math.max(router.routed, this.position) < journal.recovered.end
    const arrivalMs = isReplaying ? -Infinity : clock.nowMs()
    for (const asked of shard === null ? lane.shards : [shard]) {
      if (!this.#askedMs.has(asked)) this.#askedMs.set(asked, clock.monotonicMs())
    }
    lane.post({ kind: 'checkpoint', shard, routed: router.routed, recorded, arrivalMs })
  }

  /** Resolves when every shard has stored its state of now, though nothing may have been routed. */
  async store(): Promise<void> {
    // One that is under way may be of the state before: the second one is not.
    for (let round = 0; round < 2; round++) {
      const left = new Set(this.#positions.keys())
      await new Promise<void>((resolve) => {
        this.#storing.push({ left, resolve })
        for (const lane of this.#options.lanes) this.#post(lane, null)
      })
    }
  }

  /** Resolves when everything routed by now is checkpointed in every shard. */
  async complete(): Promise<void> {
    const { upTo } = this.#options.recording.recorded
    const position = this.request()
    // What is recorded by now need not be replayed to be found again.
    const from = Math.min(position, upTo)
    if (this.position < position || this.#from < from) {
      await new Promise<void>((resolve) => {
        this.#waiters.push({ position, from, resolve })
      })
    }
    await this.#retiring
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#stopListening()
  }

  #receive(lane: Lane, message: FromShard): void {
    if (message.kind === 'awaiting') {
      const { position } = message
      this.#options.journal
        .whenFlushed(position)
        .then(() => lane.post({ kind: 'flushed', flushed: position }))
        .catch(this.#options.onFailure)
    }
    if (message.kind !== 'checkpointed') return
    const before = this.#positions.get(message.shard)!
    this.#positions.set(message.shard, Math.max(before, message.position))
    this.#froms.set(message.shard, Math.max(this.#froms.get(message.shard)!, message.from))
    this.#stats.set(lane.lane, message.stats)
    this.#committed(lane.lane, message.shard)
    for (const { left, resolve } of this.#storing) {
      left.delete(message.shard)
      if (left.size === 0) resolve()
    }
    this.#storing = this.#storing.filter(({ left }) => left.size > 0)
    const waiters = this.#waiters
    this.#waiters = waiters.filter((waiter) => !this.#isReached(waiter))
    for (const waiter of waiters) if (this.#isReached(waiter)) waiter.resolve()
    this.#retiring = this.#retiring.then(() => this.#options.maintain(() => this.#retire()))
  }

  #committed(lane: number, shard: number): void {
    const { clock, meters } = this.#options
    const nowMs = clock.monotonicMs()
    this.#committedMs.set(shard, nowMs)
    // A lane that is short of memory makes one that nobody has asked for.
    const askedMs = this.#askedMs.get(shard)
    if (askedMs !== undefined) meters?.checkpointed(lane, nowMs - askedMs)
    this.#askedMs.delete(shard)
  }

  async #retire(): Promise<void> {
    const { journal, clock, neededFrom, retainBytesMax, retainMsMax } = this.#options
    await journal.retire({
      keepFrom: Math.min(this.#from, neededFrom()),
      bytesMax: retainBytesMax,
      ageMsMax: retainMsMax,
      nowMs: clock.nowMs(),
    })
  }

  #isReached({ position, from }: { readonly position: number; readonly from: number }): boolean {
    return position <= this.position && from <= this.#from
  }

  /** Where a replay would begin. */
  get #from(): number {
    return Math.min(...this.#froms.values())
  }
}
