/**
 * Asks lanes what would become of events if they came now.
 *
 * A lane knows the schemas and transforms of all events, whichever keys it owns, so any of them can
 * answer: they take turns. What user code there is runs in its thread, as it does with live events.
 *
 * Thread: main.
 */
import type { CheckedEvents, CheckFindings } from '../model/message.ts'
import type { Lane } from '../route/lanes.ts'

/** The part of a lane that is needed. */
export type CheckLane = Pick<Lane, 'post' | 'onMessage'>

export class Checks {
  readonly #lanes: readonly CheckLane[]
  readonly #waiting = new Map<number, (findings: readonly CheckFindings[]) => void>()
  #nextId = 0

  constructor(lanes: readonly CheckLane[]) {
    this.#lanes = lanes
    for (const lane of lanes) {
      lane.onMessage((message) => {
        if (message.kind !== 'checked') return
        this.#waiting.get(message.id)?.(message.findings)
        this.#waiting.delete(message.id)
      })
    }
  }

  /** Resolves to one of each batch, unless its lane fails: then there is no answer. */
  ask(batches: readonly CheckedEvents[], arrivalMs: number): Promise<readonly CheckFindings[]> {
    const id = this.#nextId++
    const lane = this.#lanes[id % this.#lanes.length]!
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      lane.post({ kind: 'check', id, batches, arrivalMs })
    })
  }
}
