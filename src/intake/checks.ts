/**
 * Asks lanes what would become of events if they came now.
 *
 * A lane knows the schemas and transforms of all events, whichever keys it owns, so any of them can
 * answer: they take turns. What user code there is runs in its thread, as it does with live events.
 *
 * Nobody journals what is only checked, so an event that ends its thread is not found by a replay.
 * Instead a request whose check has ended two threads is known from then on, and asked of no lane:
 * clients that send it again and again do not end the daemon.
 *
 * Thread: main.
 */
import { createHash } from 'node:crypto'
import { MillraceError } from '../base/errors.ts'
import { suspectChecksMax } from '../base/http-limits.ts'
import type { CheckedEvents, CheckFindings } from '../model/message.ts'
import type { Lane } from '../route/lanes.ts'

/** The part of a lane that is needed. */
export type CheckLane = Pick<Lane, 'lane' | 'isLive' | 'post' | 'onMessage' | 'onDeath'>

interface Waiting {
  readonly lane: CheckLane
  readonly batches: readonly CheckedEvents[]
  readonly resolve: (findings: readonly CheckFindings[]) => void
  readonly reject: (error: MillraceError) => void
}

/** Threads that have died of one request; one alone may be chance. */
const deathsMax = 2

export class Checks {
  readonly #lanes: readonly CheckLane[]
  readonly #waiting = new Map<number, Waiting>()
  /** Deaths by digest of the request. */
  readonly #suspects = new Map<string, number>()
  #nextId = 0

  constructor(lanes: readonly CheckLane[]) {
    this.#lanes = lanes
    for (const lane of lanes) {
      lane.onMessage((message) => {
        if (message.kind !== 'checked') return
        this.#waiting.get(message.id)?.resolve(message.findings)
        this.#waiting.delete(message.id)
      })
      lane.onDeath((error, check) => this.#died(lane, error, check))
    }
  }

  /**
   * Resolves to one of each batch, unless its lane fails: then there is no answer.
   *
   * @throws MillraceError `SHARD_REBUILDING` when the lane has died, perhaps of these events;
   *   `EVENT_POISON` when it was of these, and not for the first time.
   */
  ask(batches: readonly CheckedEvents[], arrivalMs: number): Promise<readonly CheckFindings[]> {
    if (this.#suspects.size > 0 && this.#suspects.get(digestOf(batches)) === deathsMax) {
      return Promise.reject(poisonError())
    }
    const id = this.#nextId++
    const live = this.#lanes.filter(({ isLive }) => isLive)
    const lane = live[id % live.length]
    if (lane === undefined) {
      return Promise.reject(new MillraceError('SHARD_REBUILDING', { lane: this.#lanes[0]!.lane }))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { lane, batches, resolve, reject })
      lane.post({ kind: 'check', id, batches, arrivalMs })
    })
  }

  #died(dead: CheckLane, error: MillraceError, check: number | null): void {
    for (const [id, { lane, batches, reject }] of this.#waiting) {
      if (lane !== dead) continue
      this.#waiting.delete(id)
      reject(id === check && this.#suspect(batches) === deathsMax ? poisonError() : error)
    }
  }

  /** Notes that a thread has died of a request; returns how many have. */
  #suspect(batches: readonly CheckedEvents[]): number {
    const digest = digestOf(batches)
    const deaths = Math.min(deathsMax, (this.#suspects.get(digest) ?? 0) + 1)
    this.#suspects.delete(digest)
    const [oldest] = this.#suspects.keys()
    if (this.#suspects.size >= suspectChecksMax) this.#suspects.delete(oldest!)
    this.#suspects.set(digest, deaths)
    return deaths
  }
}

function digestOf(batches: readonly CheckedEvents[]): string {
  const hash = createHash('sha256')
  for (const { source, count, payload } of batches) {
    hash.update(`${source} ${count} ${payload.byteLength} `)
    hash.update(Buffer.from(payload))
  }
  return hash.digest('hex')
}

function poisonError(): MillraceError {
  const message = 'one of the events ends the thread that checks it, each time'
  return new MillraceError('EVENT_POISON', {}, { message })
}
