/**
 * Looks, once a second, whether everything still moves: flushes of the logs, checkpoints, threads.
 *
 * A disk that hangs answers nothing, so no error ever comes of it: after a while that is a failed
 * write like any other, and ends the daemon. A shard thread that does nothing is in a function of
 * the features file that does not end: nobody can interrupt it, but everybody can be told. What is
 * looked at has a stamp that changes when it moves. Time counts only as it passes between two
 * looks, and at most a period of it: what this thread or the machine has slept through is
 * nobody's fault.
 *
 * Thread: main.
 */
import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import * as limits from '../base/limits.ts'
import type { Pulse } from '../model/pulse.ts'
import type { MillraceLog } from '../base/log-port.ts'

/** Something that is to move. */
export interface Watched {
  /** As people are told. */
  readonly what: string
  /** Changes whenever it moves; null while it has nothing to do. */
  readonly stamp: () => number | null
  /** Time without a move after which it is told, and after which the daemon ends, ms. */
  readonly slowMs: number
  readonly endMs: number
  /** What it is then, for so long. */
  readonly trouble: (ms: number) => MillraceError
}

export interface WatchdogOptions {
  readonly watched: readonly Watched[]
  readonly clock: Clock
  readonly log: MillraceLog
  /** Ends the daemon. */
  readonly onFailure: (error: MillraceError) => void
}

interface Still {
  stamp: number | null
  ms: number
  isTold: boolean
}

export class Watchdog {
  readonly #options: WatchdogOptions
  /** By place in `watched`. */
  readonly #still: readonly Still[]
  #lookedMs: number
  /** The longest time that the main thread did not get to look, ms. */
  blockedMsMax = 0

  constructor(options: WatchdogOptions) {
    this.#options = options
    this.#still = options.watched.map(() => ({ stamp: null, ms: 0, isTold: false }))
    this.#lookedMs = options.clock.monotonicMs()
  }

  /** What does not move, the first of it; null when everything does. */
  get trouble(): MillraceError | null {
    const { watched } = this.#options
    const place = watched.findIndex(({ slowMs }, n) => this.#still[n]!.ms >= slowMs)
    return place === -1 ? null : watched[place]!.trouble(Math.round(this.#still[place]!.ms))
  }

  look(): void {
    const { clock, log, watched } = this.#options
    const nowMs = clock.monotonicMs()
    const passedMs = nowMs - this.#lookedMs
    this.#lookedMs = nowMs
    const lateMs = Math.round(passedMs - limits.watchMs)
    this.blockedMsMax = Math.max(this.blockedMsMax, lateMs)
    if (lateMs > limits.mainBlockedMs) log.error({ ms: lateMs }, 'the main thread was blocked')
    const countedMs = Math.min(passedMs, limits.watchMs)
    for (const [place, each] of watched.entries()) {
      this.#judge(each, this.#still[place]!, countedMs)
    }
  }

  #judge(watched: Watched, still: Still, passedMs: number): void {
    const { log, onFailure } = this.#options
    const { what, slowMs, endMs, trouble } = watched
    const stamp = watched.stamp()
    const isStill = stamp !== null && stamp === still.stamp
    still.stamp = stamp
    still.ms = isStill ? still.ms + passedMs : 0
    if (still.ms >= endMs) onFailure(trouble(Math.round(still.ms)))
    if (still.ms >= slowMs && !still.isTold) {
      const { code, message } = trouble(Math.round(still.ms))
      log.error({ code }, message)
      still.isTold = true
    }
    if (still.isTold && !isStill) {
      log.info({ what }, 'moves again')
      still.isTold = false
    }
  }
}

/** Flushes of a log. */
export function watchedLog(what: string, log: { readonly writingAt: number | null }): Watched {
  return {
    what,
    stamp: () => log.writingAt,
    slowMs: limits.flushSlowMs,
    endMs: limits.flushMsMax,
    trouble: (ms) => new MillraceError('STALLED', { what, ms }),
  }
}

/** A shard thread, and its checkpoints. */
export function watchedLane(watched: {
  readonly lane: number
  readonly pulse: Pulse
  readonly isLive: boolean
}): readonly Watched[] {
  const { lane, pulse } = watched
  const what = `a checkpoint of shard thread ${lane}`
  return [
    {
      what: `shard thread ${lane}`,
      // One that has died is told, too, and need not be waited for.
      stamp: () => (watched.isLive ? pulse.beats : null),
      slowMs: limits.laneBlockedMs,
      endMs: Infinity,
      trouble: (ms) => new MillraceError('SHARD_BLOCKED', { lane, ms }),
    },
    {
      what,
      stamp: () => pulse.storing,
      slowMs: limits.storeMsMax,
      endMs: limits.storeMsMax,
      trouble: (ms) => new MillraceError('STALLED', { what, ms }),
    },
  ]
}
