/**
 * Asks lanes what would become of events if they came now.
 *
 * A lane knows the schemas and transforms of all events, whichever keys it owns, so any of them can
 * answer: they take turns. What user code there is runs in its thread, as it does with live events.
 *
 * Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import type { CheckedEvents, CheckFindings } from '../model/message.ts'
import type { Lane } from '../route/lanes.ts'

/** The part of a lane that is needed. */
export type CheckLane = Pick<Lane, 'lane' | 'isLive' | 'post' | 'onMessage' | 'onDeath'>

interface Waiting {
  readonly lane: CheckLane
  readonly resolve: (findings: readonly CheckFindings[]) => void
  readonly reject: (error: MillraceError) => void
}

export class Checks {
  readonly #lanes: readonly CheckLane[]
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 0

  constructor(lanes: readonly CheckLane[]) {
    this.#lanes = lanes
    for (const lane of lanes) {
      lane.onMessage((message) => {
        if (message.kind !== 'checked') return
        this.#waiting.get(message.id)?.resolve(message.findings)
        this.#waiting.delete(message.id)
      })
      lane.onDeath((error) => this.#died(lane, error))
    }
  }

  /**
   * Resolves to one of each batch, unless its lane fails: then there is no answer.
   *
   * @throws MillraceError `SHARD_REBUILDING` when the lane has died, perhaps of these events.
   */
  ask(batches: readonly CheckedEvents[], arrivalMs: number): Promise<readonly CheckFindings[]> {
    const id = this.#nextId++
    const live = this.#lanes.filter(({ isLive }) => isLive)
    const lane = live[id % live.length]
    if (lane === undefined) {
      return Promise.reject(new MillraceError('SHARD_REBUILDING', { lane: this.#lanes[0]!.lane }))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { lane, resolve, reject })
      lane.post({ kind: 'check', id, batches, arrivalMs })
    })
  }

  #died(dead: CheckLane, error: MillraceError): void {
    for (const [id, { lane, reject }] of this.#waiting) {
      if (lane !== dead) continue
      this.#waiting.delete(id)
      reject(error)
    }
  }
}
