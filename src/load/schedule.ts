/**
 * Which frame is sent next, and when it is due.
 *
 * In a closed loop a frame is due when there is room for it: a slow server is sent less. In an open
 * loop frames are due at moments that follow from the rate alone. One that cannot be sent when it
 * is due, because the server or the generator is slow, is sent later, and nothing is left out: its
 * latency counts from when it was due, so that a server that stands still is seen by all the frames
 * that would have come meanwhile.
 */

export interface Schedule {
  /** Begins. */
  start(nowMs: number): void
  /**
   * Takes the number of the frame that a connection sends next.
   *
   * @returns -1 when none is due, or no more are to be sent.
   */
  take(connection: number, nowMs: number): number
  /** When a frame is due that is taken now. */
  dueMs(frame: number, nowMs: number): number
  /** Nothing is due from a moment on; what was due before is still sent. */
  end(nowMs: number): void
  /** Whether a connection has sent all that it will. */
  isOver(connection: number): boolean
  /** How many frames are due and not sent. */
  backlog(nowMs: number): number
  /** Calls back with each frame's due time that has come and whose frame is not sent. */
  overdue(nowMs: number, each: (dueMs: number) => void): void
}

/** @param framesMax  Frames in all; may be Infinity. */
export function closedLoop(framesMax: number): Schedule {
  let taken = 0
  let limit = framesMax
  return {
    start: () => {},
    take: () => (taken < limit ? taken++ : -1),
    dueMs: (_, nowMs) => nowMs,
    end: () => {
      limit = taken
    },
    isOver: () => taken >= limit,
    backlog: () => 0,
    overdue: () => {},
  }
}

export interface OpenLoop {
  readonly connections: number
  /** Time between two frames of the run, which go to one connection after another, ms. */
  readonly intervalMs: number
  /** Frames in all; may be Infinity. */
  readonly framesMax: number
}

export function openLoop({ connections, intervalMs, framesMax }: OpenLoop): Schedule {
  /** By connection: the frame that it sends next. */
  const next = Float64Array.from({ length: connections }, (_, connection) => connection)
  let startMs = 0
  let endMs = Infinity
  const dueOf = (frame: number): number => startMs + frame * intervalMs
  const isPast = (frame: number): boolean => frame >= framesMax || dueOf(frame) >= endMs
  return {
    start(nowMs) {
      startMs = nowMs
    },
    take(connection, nowMs) {
      const frame = next[connection]!
      if (dueOf(frame) > nowMs || isPast(frame)) return -1
      next[connection] = frame + connections
      return frame
    },
    dueMs: dueOf,
    end(nowMs) {
      endMs = nowMs
    },
    isOver: (connection) => isPast(next[connection]!),
    backlog(nowMs) {
      const due = Math.floor((Math.min(nowMs, endMs) - startMs) / intervalMs)
      const last = Math.min(due, framesMax - 1)
      return next.reduce(
        (sum, frame) => sum + Math.max(0, Math.floor((last - frame) / connections) + 1),
        0,
      )
    },
    overdue(nowMs, each) {
      for (let frame of next) {
        for (; dueOf(frame) <= nowMs && !isPast(frame); frame += connections) each(dueOf(frame))
      }
    },
  }
}
