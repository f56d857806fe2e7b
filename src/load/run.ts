/**
 * A load on a server: producers that connect, warm up, are measured, and leave.
 *
 * In: a workload and how fast it is to be sent. The clock starts when every connection is
 * welcomed. Out: what became of the events, and how long they took. At the end every connection
 * sends FLUSH, so that all it has sent is answered when FLUSHED comes. Thread: main; time, timers
 * and connections come in, so that a test drives a run by hand.
 */
import { MillraceError } from '../base/errors.ts'
import { encodeFlush, type ServerFrame } from '../wire/protocol.ts'
import type { Link } from './link.ts'
import { maskedMessage } from './message.ts'
import type { LoadEnvironment, LoadOptions } from './options.ts'
import type { LoadOutcome } from './outcome.ts'
import { closedLoop, openLoop, type Schedule } from './schedule.ts'
import { Sender } from './sender.ts'
import { lateMs, Tally } from './tally.ts'
import type { Usage } from './usage.ts'

export interface RunningLoad {
  /** Resolves when every connection has left. Rejects with what ended one of them. */
  readonly ended: Promise<LoadOutcome>
  /** Ends the measured time now. */
  stop(): void
}

/** An ACK that does not come for so long is not to come, ms. */
const stalledMsMax = 30_000

/** How long frames that were due are still sent after the end, ms. */
const backlogMsMax = 10_000

/** Between two looks at what is due, ms: the finest that a timer can do. */
const tickMs = 1

export function startLoad(options: LoadOptions, environment: LoadEnvironment): RunningLoad {
  let load!: Load
  const ended = new Promise<LoadOutcome>((resolve, reject) => {
    load = new Load(options, environment, { resolve, reject })
  })
  return { ended, stop: () => load.stop() }
}

interface Settle {
  readonly resolve: (outcome: LoadOutcome) => void
  readonly reject: (error: Error) => void
}

interface Mark {
  readonly atMs: number
  readonly acked: number
  readonly usage: Usage
}

class Load {
  readonly #options: LoadOptions
  readonly #environment: LoadEnvironment
  readonly #settle: Settle
  readonly #tally = new Tally()
  readonly #schedule: Schedule
  readonly #senders: readonly Sender[]
  readonly #links: readonly Link[]
  /** By connection. */
  readonly #state: ('connecting' | 'sending' | 'flushing' | 'done')[]
  readonly #timers: (() => void)[] = []
  #phase: 'connecting' | 'warmup' | 'measured' | 'over' | 'ended' = 'connecting'
  #startedMs = 0
  #begin: Mark | null = null
  #end: Mark | null = null
  #unsentFrames = 0
  /** When an ACK came last, and what was acknowledged when progress was told last. */
  #movedMs: number
  #told = { atMs: 0, acked: 0 }

  constructor(options: LoadOptions, environment: LoadEnvironment, settle: Settle) {
    const { connections, producer } = options
    this.#options = options
    this.#environment = environment
    this.#settle = settle
    this.#schedule = scheduleOf(options)
    this.#movedMs = environment.clock.monotonicMs()
    const places = Array.from({ length: connections }, (_, index) => index)
    this.#state = places.map(() => 'connecting')
    this.#senders = places.map((index) => this.#createSender(index))
    this.#links = places.map((index) =>
      environment.connect(`${producer}-${index}`, {
        received: (frame) => this.#received(index, frame),
        failed: (error) => this.#fail(error),
      }),
    )
    this.#every(1000, () => this.#watch())
  }

  stop(): void {
    if (this.#phase === 'connecting') this.#fail(new MillraceError('CLIENT_CLOSED'))
    if (this.#phase === 'warmup') this.#beginMeasuring()
    if (this.#phase === 'measured') this.#endMeasuring()
  }

  #createSender(index: number): Sender {
    const { workload, connections, loop, duplicates, onSent = () => {} } = this.#options
    const share = loop.kind === 'open' ? Infinity : loop.inFlight / connections
    const framesInFlightMax = Math.max(1, Math.floor(share / workload.frameEvents))
    const { clock } = this.#environment
    const [schedule, tally] = [this.#schedule, this.#tally]
    const shared = { workload, schedule, tally, clock, duplicates, onSent }
    return new Sender({ ...shared, index, framesInFlightMax })
  }

  #received(index: number, frame: ServerFrame): void {
    switch (frame.kind) {
      case 'welcome':
        this.#senders[index]!.welcomed(this.#links[index]!, frame.credits)
        this.#state[index] = 'sending'
        if (!this.#state.includes('connecting')) this.#start()
        return
      case 'ack': {
        const nowMs = this.#nowMs
        this.#movedMs = nowMs
        this.#senders[index]!.acknowledged(frame, nowMs)
        this.#moved()
        this.#advance(index)
        return
      }
      case 'flushed':
        this.#state[index] = 'done'
        if (this.#state.every((state) => state === 'done')) this.#finish()
        return
      case 'nack':
        this.#fail(refused(frame.message))
        return
      case 'goaway':
        this.#fail(refused(frame.reason))
        return
      case 'features':
      case 'error':
        this.#fail(refused(`unexpected ${frame.kind}`))
    }
  }

  #start(): void {
    const { events, warmupMs, loop } = this.#options
    const nowMs = this.#nowMs
    this.#phase = 'warmup'
    this.#startedMs = nowMs
    this.#movedMs = nowMs
    this.#told.atMs = nowMs
    this.#schedule.start(nowMs)
    if (events === 0 && warmupMs === 0) this.#beginMeasuring()
    else if (events === 0) this.#after(warmupMs, () => this.#beginMeasuring())
    if (loop.kind === 'open') this.#every(tickMs, () => this.#advanceAll())
    this.#advanceAll()
  }

  #beginMeasuring(): void {
    const { events, durationMs, onMeasure } = this.#options
    if (this.#phase !== 'warmup') return
    this.#phase = 'measured'
    this.#begin = this.#mark()
    this.#tally.begin(this.#begin.atMs)
    onMeasure?.('begin')
    if (events === 0) this.#after(durationMs, () => this.#endMeasuring())
  }

  #endMeasuring(): void {
    if (this.#phase !== 'measured') return
    this.#phase = 'over'
    this.#end = this.#mark()
    this.#tally.end(this.#end.atMs)
    this.#schedule.end(this.#end.atMs)
    this.#options.onMeasure?.('end')
    this.#after(backlogMsMax, () => this.#giveUp())
    this.#advanceAll()
  }

  /** Goes on to the next phase when it is a number of events that decides. */
  #moved(): void {
    const { events, workload } = this.#options
    if (events === 0) return
    const acked = this.#tally.acked * workload.frameEvents
    if (acked >= events / 4) this.#beginMeasuring()
    if (acked >= events) this.#endMeasuring()
  }

  #advanceAll(): void {
    for (const index of this.#senders.keys()) this.#advance(index)
  }

  /** Sends what a connection may send now, and FLUSH behind the last of it. */
  #advance(index: number): void {
    if (this.#state[index] !== 'sending') return
    const sender = this.#senders[index]!
    sender.fill()
    if (this.#phase !== 'over' || !this.#schedule.isOver(index)) return
    this.#state[index] = 'flushing'
    sender.write(maskedMessage(encodeFlush(index)))
  }

  /** Leaves unsent what was due and could not be sent in time. They have waited until now. */
  #giveUp(): void {
    const nowMs = this.#nowMs
    this.#schedule.overdue(nowMs, (dueMs) => {
      this.#unsentFrames += 1
      this.#tally.waited(dueMs, nowMs)
    })
    this.#schedule.end(-Infinity)
    this.#advanceAll()
  }

  /** Once a second. */
  #watch(): void {
    const nowMs = this.#nowMs
    const isWaiting = this.#phase === 'connecting' || this.#senders.some((each) => !each.isSettled)
    if (!isWaiting) this.#movedMs = nowMs
    if (nowMs - this.#movedMs > stalledMsMax) {
      this.#fail(new MillraceError('CLIENT_TIMEOUT', { timeoutMs: stalledMsMax }))
    } else this.#tell(nowMs)
  }

  #tell(nowMs: number): void {
    const { onProgress, workload } = this.#options
    const phase = this.#phase
    if (onProgress === undefined || phase === 'connecting' || phase === 'ended') return
    const { acked, rejected, recentUs } = this.#tally
    onProgress({
      phase,
      elapsedMs: nowMs - this.#startedMs,
      events: (acked - this.#told.acked) * workload.frameEvents,
      spanMs: nowMs - this.#told.atMs,
      latencyUs: recentUs,
      rejected,
      overdue: this.#schedule.backlog(nowMs - lateMs) * workload.frameEvents,
    })
    this.#told = { atMs: nowMs, acked }
    recentUs.reset()
  }

  #finish(): void {
    const { workload } = this.#options
    const { sent, repeated, acked, duplicates, rejected, rejections } = this.#tally
    const { latencyUs, measured, late } = this.#tally
    const [begin, end] = [this.#begin!, this.#end!]
    const events = workload.frameEvents
    this.#leave()
    if (acked !== sent) {
      this.#settle.reject(refused(`${sent - acked} frames were flushed and not acknowledged`))
      return
    }
    this.#settle.resolve({
      sent: sent * events,
      repeated: repeated * events,
      acked: acked * events,
      unsent: this.#unsentFrames * events,
      duplicates,
      rejected,
      rejections,
      measured: {
        ms: end.atMs - begin.atMs,
        events: (end.acked - begin.acked) * events,
        latencyUs,
        frames: measured,
        lateFrames: late,
        usage: {
          cpuMs: end.usage.cpuMs - begin.usage.cpuMs,
          busyMs: end.usage.busyMs - begin.usage.busyMs,
        },
      },
    })
  }

  #fail(error: Error): void {
    if (this.#phase === 'ended') return
    this.#leave()
    this.#settle.reject(error)
  }

  #leave(): void {
    this.#phase = 'ended'
    for (const callOff of this.#timers) callOff()
    for (const link of this.#links) link.close()
  }

  #mark(): Mark {
    const usage = this.#environment.usage()
    return { atMs: this.#nowMs, acked: this.#tally.acked, usage }
  }

  #after(delayMs: number, run: () => void): void {
    this.#timers.push(this.#environment.scheduler.after(delayMs, run))
  }

  #every(periodMs: number, run: () => void): void {
    this.#timers.push(this.#environment.scheduler.every(periodMs, run))
  }

  get #nowMs(): number {
    return this.#environment.clock.monotonicMs()
  }
}

function scheduleOf({ workload, connections, loop, events }: LoadOptions): Schedule {
  const framesMax = events === 0 ? Infinity : Math.ceil(events / workload.frameEvents)
  if (loop.kind === 'closed') return closedLoop(framesMax)
  return openLoop({
    connections,
    intervalMs: (workload.frameEvents * 1000) / loop.rate,
    framesMax,
  })
}

function refused(reason: string): MillraceError {
  return new MillraceError('CLIENT_REFUSED', { reason })
}
