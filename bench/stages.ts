/**
 * The stages of an event one after the other, on one thread, each with a clock of its own.
 *
 * It is the product's own code with what stands between its parts left out: sockets, the port
 * between the threads, and waiting for the disk. One lane owns all shards.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/base/clock.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { openJournal, type Journal } from '../src/journal/journal.ts'
import type { FromShard, ToShard } from '../src/model/message.ts'
import { lanePart } from '../src/model/lane-sections.ts'
import { readSection, sectionBuffers, type Section } from '../src/model/section.ts'
import type { RouterLane } from '../src/route/lane-mailbox.ts'
import { createRouter, type Router } from '../src/route/router.ts'
import { Shard } from '../src/shard/shard.ts'
import { createValidators } from '../src/shard/validators.ts'
import { createRouteValidator, type RouteValidator } from '../src/validate/route-validator.ts'
import { decodeClientFrame, type PublishFrame } from '../src/wire/protocol.ts'
import * as features from './features.ts'
import { noBatch } from './shard.ts'

/** Time by stage, ns. */
export interface StageTimes {
  /** The frame is checked. */
  wire: number
  /** CRC and copy of the batch. */
  journal: number
  /** Key, hash, section. */
  route: number
  /** Events into columns, and rows into tiles. */
  apply: number
  /** Events into columns alone, once more. */
  validate: number
  /** Changed keys to LMDB, in all threads. */
  checkpoint: number
}

type Apply = Extract<ToShard, { kind: 'apply' }>

const shardCount = 16
const seed = { k0: 1, k1: 2 }

/** Sections are handed on in steps of so many events, as a lane does. */
const stepEvents = 512

const catalog = buildCatalog(Object.values(features))

export class Stages {
  /** Since the beginning, or since they were last set. */
  times: StageTimes = noTimes()
  readonly shards: readonly Shard[]
  readonly #dir: string
  readonly #journal: Journal
  readonly #router: Router
  readonly #lane: HeldLane
  readonly #validator: RouteValidator
  readonly #producer: number
  #sequence = 0

  static async open(): Promise<Stages> {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
    const journal = await openJournal({
      dir: join(dir, 'journal'),
      clock: systemClock,
      sources: catalog.sources.map(({ name }) => name),
      onFailure: failed,
    })
    const validators = createValidators(catalog)
    const shards: Shard[] = []
    for (let index = 0; index < shardCount; index++) {
      const common = { catalog, ...validators, viewIds: [0], seed }
      shards.push(await Shard.open({ index, ...common, storePath: join(dir, 'store') }))
    }
    return new Stages(dir, journal, shards)
  }

  private constructor(dir: string, journal: Journal, shards: readonly Shard[]) {
    this.#dir = dir
    this.#journal = journal
    this.shards = shards
    this.#lane = new HeldLane(shards.map(({ index }) => index))
    this.#router = createRouter({
      catalog,
      shards: shardCount,
      seed,
      resolveKey: failed,
      validateOnly: failed,
      lanes: [this.#lane],
    })
    this.#validator = createRouteValidator(catalog, catalog.routes[0]!)
    const opening = journal.openProducer('bench', null)
    if (opening.kind !== 'new') throw new Error('the journal is new')
    this.#producer = opening.producer.id
  }

  /** Takes the frames of a turn through all stages but the last. */
  async turn(frames: readonly Uint8Array[]): Promise<void> {
    const { times } = this
    let clock = now()
    const lap = (stage: keyof StageTimes): void => {
      const end = now()
      times[stage] += end - clock
      clock = end
    }
    const batches = frames.map((frame) => decodeClientFrame(frame) as PublishFrame)
    lap('wire')
    const appended = batches.map(({ source: sourceName, count, payload }) => {
      const from = { producer: this.#producer, epoch: 1, sequence: this.#sequence }
      this.#sequence += count
      return this.#journal.append({ source: 0, sourceName, ...from, count, payload })
    })
    lap('journal')
    for (const [n, { count, payload }] of batches.entries()) {
      const { position, arrivalMs } = appended[n]!
      const inFlight = { ...noBatch, position }
      this.#router.route({ source: 0, count, payload, arrivalMs, inFlight })
    }
    this.#router.flush()
    lap('route')
    const messages = this.#lane.take()
    for (const message of messages) this.#apply(message)
    lap('apply')
    for (const message of messages) this.#validate(message)
    lap('validate')
    this.#lane.answer(messages)
    await this.#journal.whenFlushed(this.#journal.end)
  }

  /** Stores what has changed. */
  async checkpoint(arrivalMs: number): Promise<void> {
    const before = process.cpuUsage()
    for (const shard of this.shards) await shard.checkpoint(arrivalMs, Promise.resolve(true))
    const { user, system } = process.cpuUsage(before)
    this.times.checkpoint += (user + system) * 1000
  }

  async close(): Promise<void> {
    await this.#journal.close()
    for (const shard of this.shards) await shard.close()
    await rm(this.#dir, { recursive: true, force: true })
  }

  #validate(message: Apply): void {
    for (const { buffers, part } of partsOf(message)) {
      let left = 0
      for (let at = part.start; at < part.end;) {
        const section: Section = readSection(buffers.view, at)
        if (left <= 0) {
          this.#validator.begin(buffers, stepEvents)
          left = stepEvents
        }
        this.#validator.readSection(section, rejected)
        left -= section.events
        at = section.end
      }
    }
    if (rejected.length > 0) failed()
  }

  #apply(message: Apply): void {
    for (const { buffers, part, place } of partsOf(message)) {
      const shard = this.shards[place]!
      const { end } = part
      for (let start = part.start; start < end;) {
        start = shard.apply(buffers, { start, end }, rejected, { eventsMax: stepEvents })
      }
    }
    for (const shard of this.shards) shard.applied = message.routed
    if (rejected.length > 0) failed()
  }
}

/** The sections of a message by shard, whose place in the lane is its index. */
function* partsOf({ sections, events }: Apply) {
  const buffers = sectionBuffers(sections, events)
  for (let place = 0; place < shardCount; place++) {
    yield { place, buffers, part: lanePart(buffers.words, place) }
  }
}

class HeldLane implements RouterLane {
  readonly shards: readonly number[]
  #posted: Apply[] = []
  #listener: (message: FromShard) => void = failed

  constructor(shards: readonly number[]) {
    this.shards = shards
  }

  post(message: ToShard): void {
    if (message.kind === 'apply') this.#posted.push(message)
  }

  onMessage(listener: (message: FromShard) => void): void {
    this.#listener = listener
  }

  take(): readonly Apply[] {
    const posted = this.#posted
    this.#posted = []
    return posted
  }

  answer(messages: readonly Apply[]): void {
    for (const { id } of messages) {
      this.#listener({ kind: 'applied', id, rejected: [], watermarks: noWatermarks })
    }
  }
}

const noWatermarks = new Float64Array(0)
const rejected: never[] = []
/** Of nothing. */
export function noTimes(): StageTimes {
  return { wire: 0, journal: 0, route: 0, apply: 0, validate: 0, checkpoint: 0 }
}

function failed(): never {
  throw new Error('a stage did not do as it should')
}

function now(): number {
  return Number(process.hrtime.bigint())
}
