/**
 * Shard threads that come back.
 *
 * When the thread of a lane dies, another one opens its stores, and the journal behind them goes
 * through it again, up to what the dead one had answered: what was said of those batches stands.
 * Then it is sent what had no answer, event by event, and is live. The other lanes, connections and
 * the journal go on meanwhile; what is taken for the lane waits in its mailbox, bounded by the
 * intake. Tries are bounded: beyond, the daemon ends.
 *
 * An event that a thread has died of twice while it was the only one in hand is put into
 * quarantine: on disk first, so that every later replay skips it, too.
 *
 * Thread: main.
 */
import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import { laneDeathsMax, laneDeathsMs, replayBytesMax } from '../base/limits.ts'
import type { Journal } from '../journal/journal.ts'
import type { Catalog } from '../model/catalog.ts'
import type { BatchInFlight } from '../model/contracts.ts'
import type { ShardOpened } from '../model/message.ts'
import type { EventInHand } from '../model/pulse.ts'
import type { RouterLane } from '../route/lane-mailbox.ts'
import type { Death, Rebuild, RebuildableLane } from '../route/lanes.ts'
import { createRouter, type Router, type RouterOptions } from '../route/router.ts'
import type { MillraceLog } from '../base/log-port.ts'
import type { Quarantine } from './quarantine.ts'
import { replayJournal } from './recovery.ts'

export interface RebuildsOptions {
  readonly journal: Journal
  readonly catalog: Catalog
  readonly quarantine: Quarantine
  /** Whether views are counting what others have counted before: nothing can be rebuilt then. */
  readonly isCatchingUp: () => boolean
  /** The routes that the batches of a backfill take. */
  readonly routesOf: (backfill: number) => readonly number[]
  /** What a router needs to find the shards of events. */
  readonly routing: Omit<RouterOptions, 'catalog' | 'lanes'>
  /** Up to this journal position, the ledger has all that was not counted in an earlier life. */
  readonly recordedBefore: () => number
  readonly clock: Clock
  readonly log: MillraceLog
  /** A lane is live again. */
  readonly onRebuilt: () => void
  /** Ends the daemon. */
  readonly onFailure: (thrown: unknown) => void
}

/** Threads that have died, those that came back, and the events that were found to end them. */
export interface RebuildCounters {
  readonly deaths: number
  readonly rebuilt: number
  readonly quarantined: number
}

/** What is known of a lane that has died before. */
interface Past {
  /** When, by a clock that only runs. */
  deathsMs: number[]
  /** The event that it died of last. */
  suspect: EventInHand | null
  /** It died while it was rebuilt. */
  isUnfinished: boolean
}

export class Rebuilds {
  readonly #options: RebuildsOptions
  readonly #pasts = new Map<number, Past>()
  readonly #counters = { deaths: 0, rebuilt: 0, quarantined: 0 }

  constructor(options: RebuildsOptions) {
    this.#options = options
  }

  /** Totals since the start. */
  get counters(): RebuildCounters {
    return this.#counters
  }

  /** The events that shards skip. */
  get quarantined(): readonly EventInHand[] {
    return this.#options.quarantine.events
  }

  /** Takes note of the death of a lane's thread, and rebuilds it. */
  died(lane: RebuildableLane, death: Death): void {
    this.#rebuild(lane, death).catch(this.#options.onFailure)
  }

  async #rebuild(lane: RebuildableLane, death: Death): Promise<void> {
    const { quarantine, log, onRebuilt } = this.#options
    const past = this.#pasts.get(lane.lane) ?? createPast()
    this.#pasts.set(lane.lane, past)
    const about = { lane: lane.lane, reason: death.reason }
    this.#counters.deaths += 1
    log.error({ code: 'SHARD_REBUILDING', ...about }, 'a shard thread has died')
    this.#count(past, about)
    if (this.#options.isCatchingUp()) throw new MillraceError('SHARD_FAILED', about)
    await this.#judge(past, lane, death)
    const isAgain = past.isUnfinished
    past.isUnfinished = true
    const rebuild = lane.restart(quarantine.events)
    const shards = await rebuild?.opened
    if (rebuild === null || shards === null || shards === undefined) return
    const events = await this.#replay(lane, rebuild, shards, isAgain)
    if (rebuild.isOver) return
    past.isUnfinished = false
    lane.goOn(rebuild, shards)
    this.#counters.rebuilt += 1
    log.info({ lane: lane.lane, events }, 'the shard thread is rebuilt')
    onRebuilt()
  }

  /** @throws MillraceError `SHARD_FAILED` when it has died too often. */
  #count(past: Past, about: { readonly lane: number; readonly reason: string }): void {
    const nowMs = this.#options.clock.monotonicMs()
    past.deathsMs = [...past.deathsMs.filter((ms) => ms > nowMs - laneDeathsMs), nowMs]
    if (past.deathsMs.length > laneDeathsMax) throw new MillraceError('SHARD_FAILED', about)
  }

  /**
   * An event that was in hand at two deaths in a row is the cause of both. One that has counted
   * before is left alone: nobody would be told any more.
   */
  async #judge(past: Past, { lane, answered }: RebuildableLane, { inHand }: Death): Promise<void> {
    const { quarantine, journal, recordedBefore, log } = this.#options
    const { suspect } = past
    past.suspect = inHand
    if (inHand === null || suspect === null || !isSame(inHand, suspect)) return
    if (inHand.position <= Math.max(answered, recordedBefore())) return
    past.suspect = null
    await quarantine.add(inHand, lane, journal.start)
    this.#counters.quarantined += 1
    log.error({ code: 'EVENT_POISON', lane, ...inHand }, 'an event is put into quarantine')
  }

  /** Brings a thread to where the lane's answers end; returns the events that went through. */
  async #replay(
    lane: RebuildableLane,
    rebuild: Rebuild,
    shards: readonly ShardOpened[],
    isCareful: boolean,
  ): Promise<number> {
    const { journal, catalog, routing, routesOf } = this.#options
    const from = Math.min(...shards.map(({ position }) => position))
    const to = lane.answered
    if (to <= from) return 0
    await journal.whenFlushed(to)
    const lanes = [isCareful ? careful(rebuild) : rebuild, ...others(lane, routing.shards)]
    const router = createRouter({ ...routing, catalog, lanes })
    router.setFlushed(journal.flushed)
    let bytes = 0
    const { events } = await replayJournal(journal, { from, to }, async (batch) => {
      const { source, position, backfill } = batch
      const routes =
        backfill === null ? (catalog.sources[source]?.routes ?? []) : routesOf(backfill.id)
      const audience = backfill === null ? {} : { audience: { backfill: backfill.id, routes } }
      const inFlight = nobodys(position)
      if (source === -1 || routes.length === 0) router.passOver(position)
      else bytes += router.route({ ...batch, ...audience, inFlight })
      if (bytes > replayBytesMax) {
        bytes = 0
        await idle(router, rebuild)
      }
      return !rebuild.isOver
    })
    await idle(router, rebuild)
    return events
  }
}

function createPast(): Past {
  return { deathsMs: [], suspect: null, isUnfinished: false }
}

function isSame(one: EventInHand, other: EventInHand): boolean {
  const { position, route, index } = other
  return one.position === position && one.route === route && one.index === index
}

/** Everything that was routed is applied, or never will be. */
async function idle(router: Router, { over }: Rebuild): Promise<void> {
  await Promise.race([router.idle(), over])
}

/** Applies event by event, and shows each. */
function careful(lane: RouterLane): RouterLane {
  return {
    shards: lane.shards,
    post: (message) =>
      lane.post(message.kind === 'apply' ? { ...message, isCareful: true } : message),
    onMessage: (listener) => lane.onMessage(listener),
  }
}

/** The shards of the other lanes, which have counted all of this: nobody looks at their part. */
function others(lane: RouterLane, shardCount: number): readonly RouterLane[] {
  const shards = Array.from({ length: shardCount }, (_, shard) => shard).filter(
    (shard) => !lane.shards.includes(shard),
  )
  if (shards.length === 0) return []
  let answer: Parameters<RouterLane['onMessage']>[0] = () => {}
  const watermarks = new Float64Array(0)
  return [
    {
      shards,
      post: (message) => {
        if (message.kind !== 'apply') return
        answer({ kind: 'applied', id: message.id, rejected: [], watermarks })
      },
      onMessage: (listener) => {
        answer = listener
      },
    },
  ]
}

/** A batch of which everything was told before. */
function nobodys(position: number): BatchInFlight {
  const nothing = (): void => {}
  return {
    position,
    expectLane: nothing,
    keep: nothing,
    reject: nothing,
    late: nothing,
    duplicate: nothing,
    laneDone: nothing,
  }
}
