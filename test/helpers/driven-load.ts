/**
 * A load on a server, both of which do only what a test lets them do, ms by ms.
 */
import assert from 'node:assert/strict'
import { ManualClock } from '../../src/base/clock.ts'
import type { MillraceError } from '../../src/base/errors.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import type { Link, LinkListener } from '../../src/load/link.ts'
import type { LoadOptions, Loop } from '../../src/load/options.ts'
import type { LoadOutcome, Progress } from '../../src/load/outcome.ts'
import { startLoad, type RunningLoad } from '../../src/load/run.ts'
import { targetOf } from '../../src/load/target.ts'
import { createWorkload } from '../../src/load/workload.ts'
import { decodeClientFrame } from '../../src/wire/protocol.ts'
import * as orders from '../fixtures/orders.ts'
import { frameIn } from './load-messages.ts'
import { ManualScheduler } from './manual-scheduler.ts'

const startMs = 1_700_000_000_000
const target = targetOf(buildCatalog(Object.values(orders)), 'orders')

/** Frames of one event that wait for their answer, by sequence; null is FLUSH. */
interface Peer {
  readonly listener: LinkListener
  waiting: (number | null)[]
  isOpen: boolean
}

export class DrivenLoad {
  readonly clock = new ManualClock(startMs)
  readonly scheduler = new ManualScheduler()
  readonly progress: Progress[] = []
  readonly peers: Peer[] = []
  readonly load: RunningLoad
  /** Frames that the server has been sent. */
  taken = 0
  /** While it is, the server answers nothing. */
  isStalled = false
  /** Whether the server rejects every tenth event. */
  rejects = false
  readonly #credits: { readonly events: number; readonly bytes: number }

  /** One connection and a second that is measured, unless the options say otherwise. */
  constructor(options: Partial<LoadOptions> & { readonly loop: Loop }, creditEvents = 100_000) {
    const { duplicates = 0 } = options
    const size = { keys: 10, zipf: 0, frameEvents: 1, seed: 1 }
    const workload = createWorkload({ ...size, target, startMs, duplicates })
    const time = { warmupMs: 0, durationMs: 1000, events: 0 }
    const standard = { workload, connections: 1, duplicates, producer: 'p', ...time }
    this.#credits = { events: creditEvents, bytes: 1e9 }
    this.load = startLoad(
      { ...standard, onProgress: (progress) => this.progress.push(progress), ...options },
      {
        clock: this.clock,
        scheduler: this.scheduler,
        connect: (_, listener) => this.#connect(listener),
        usage: () => ({ cpuMs: 0, busyMs: 0 }),
      },
    )
  }

  welcome(): void {
    const limits = { frameBytes: 1e9, batchEvents: 1e9, eventBytes: 1e9 }
    const producer = { producer: 'p', epoch: 1, isExpired: false, lastSequence: -1 }
    const server = { version: 1, server: 's', heartbeatMs: 0, sources: [], services: [] }
    const welcome = { ...server, ...producer, credits: this.#credits, limits }
    for (const { listener } of this.peers) listener.received({ kind: 'welcome', ...welcome })
  }

  /** Lets time pass; the server answers every ms, unless it is stalled. */
  pass(ms: number): void {
    for (let n = 0; n < ms; n++) {
      this.clock.advance(1)
      this.scheduler.advance(1)
      if (this.isStalled) continue
      for (const peer of this.peers) this.#answer(peer)
    }
  }

  outcome(): Promise<LoadOutcome> {
    return this.load.ended
  }

  /** What the load has failed with. */
  async failure(): Promise<MillraceError> {
    return this.load.ended.then(
      () => assert.fail('it has not failed'),
      (error: unknown) => error as MillraceError,
    )
  }

  #connect(listener: LinkListener): Link {
    const peer: Peer = { listener, waiting: [], isOpen: true }
    this.peers.push(peer)
    return {
      write: (message) => {
        const frame = decodeClientFrame(frameIn(message))!
        assert.ok(frame.kind === 'publish' || frame.kind === 'flush')
        peer.waiting.push(frame.kind === 'flush' ? null : frame.sequence)
        if (frame.kind === 'publish') this.taken += 1
      },
      cork: () => {},
      uncork: () => {},
      close: () => {
        peer.isOpen = false
      },
    }
  }

  /** Answers all that a connection has sent, repeats by themselves. */
  #answer(peer: Peer): void {
    const { listener, waiting } = peer
    peer.waiting = []
    let before = -1
    for (const sequence of waiting) {
      if (sequence === null) {
        listener.received({ kind: 'flushed', token: 0 })
        continue
      }
      const duplicates = sequence === before ? 1 : 0
      const rejection = { sequence, code: 'EVENT_TIME', path: '', message: '' }
      const rejections = this.rejects && sequence % 10 === 0 ? [rejection] : []
      listener.received({ kind: 'ack', upTo: sequence, credits: null, duplicates, rejections })
      before = sequence
    }
  }
}
