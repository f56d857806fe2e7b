/**
 * A daemon on one thread, producers, and beside them the list of what the daemon has taken: played
 * step by step, and compared.
 *
 * What holds after each step: an acknowledgement comes after the flush of all it tells; values are
 * those of all that was taken, in its order; a crash takes whole batches from the end, none of them
 * flushed; the ledger has each rejected event once, in the order of the journal.
 */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '../../src/base/clock.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import * as protocol from '../../src/wire/protocol.ts'
import type { SessionOptions } from '../../src/wire/session-options.ts'
import * as definitions from '../fixtures/sales.ts'
import { createGate } from '../helpers/fake-ports.ts'
import { ManualScheduler } from '../helpers/manual-scheduler.ts'
import { MemoryDisk } from '../helpers/memory-disk.ts'
import { readLedger } from '../helpers/ledgers.ts'
import { randomNumbers } from '../helpers/random.ts'
import { recordedOf, tillReceipts, tillSales, userSales, type TakenBatch } from './recount.ts'
import { openSmallDaemon, type SmallDaemon } from './small-daemon.ts'
import { producerCount, tills, userCount, type Step, type StoryLog } from './steps.ts'
import {
  drainedCode,
  fencedCode,
  gapsCode,
  StoryProducer,
  type SentBatch,
} from './story-producer.ts'

const catalog = buildCatalog(Object.values(definitions))
const startMs = Date.UTC(2026, 0, 1)

/** Bytes of state: all of a story, or next to nothing. */
const roomy = 2 ** 24
const tight = 2000

/** What the journal has taken, in its order: batches, and the beginnings of epochs. */
interface Taken {
  readonly position: number
  readonly producer: string
  readonly epoch: number
  readonly batch: TakenBatch | null
}

export class Story {
  readonly #storePath: string
  readonly #clock = new ManualClock(startMs)
  readonly #producers = Array.from(
    { length: producerCount },
    (_, n) => new StoryProducer(`p${n}`, startMs - 60_000),
  )
  #journalDisk = new MemoryDisk()
  #ledgerDisk = new MemoryDisk()
  #daemon!: SmallDaemon
  #scheduler = new ManualScheduler()
  #taken: Taken[] = []
  /** By log whose flushes are held: lets them go. */
  readonly #held = new Map<StoryLog, () => void>()
  #isTight = false
  /** By producer: gaps in a row on its connection. */
  readonly #gaps = new Map<string, number>()

  static async open(storePath: string): Promise<Story> {
    const story = new Story(storePath)
    await story.#open()
    return story
  }

  private constructor(storePath: string) {
    this.#storePath = storePath
  }

  async play(step: Step): Promise<void> {
    switch (step.kind) {
      case 'connect':
        await this.#connect(this.#producers[step.producer]!, step.isNew)
        break
      case 'publish': {
        const producer = this.#producers[step.producer]!
        if (producer.session === null) await this.#connect(producer, false)
        // Its WELCOME may wait for the disk.
        if (!producer.isOpen) return
        this.#send(producer, producer.batch(step.source, step.events))
        break
      }
      case 'repeat': {
        const producer = this.#producers[step.producer]!
        const batch = producer.sent.at(-1 - step.back)
        if (!producer.isOpen || batch === undefined) return
        this.#send(producer, batch)
        break
      }
      case 'gap':
        this.#gap(this.#producers[step.producer]!)
        break
      case 'deliver': {
        const producer = this.#producers[step.producer]!
        producer.hear((batch) => this.#send(producer, batch))
        break
      }
      case 'cut':
        this.#producers[step.producer]!.cut()
        break
      case 'hold':
        // With little memory batches wait for checkpoints, and those for the disk.
        if (!this.#isTight) this.#hold(step.log)
        break
      case 'release':
        this.#letGo()
        break
      case 'checkpoint':
        if (this.#held.has('journal')) this.#daemon.checkpoint(step.shard).catch(assert.fail)
        else await this.#daemon.checkpoint(step.shard)
        break
      case 'tick':
        this.#clock.advance(step.ms)
        break
      case 'drain':
        await this.#drain()
        break
      case 'kill':
        await this.#restart((disk) => disk.copy(), step.isTight)
        break
      case 'power loss': {
        const random = randomNumbers(step.seed)
        await this.#restart((disk) => disk.afterPowerLoss(random), step.isTight)
        break
      }
      case 'check':
        await this.#check()
        break
    }
    await this.#quiet()
  }

  /** Faults are over: everybody comes back, and all that was sent is acknowledged. */
  async finish(): Promise<void> {
    this.#letGo()
    await this.#quiet()
    for (const producer of this.#producers) {
      for (let attempts = 0; !producer.isOpen && attempts < 3; attempts++) {
        if (producer.session === null) await this.#connect(producer, false)
        else producer.hear((batch) => this.#send(producer, batch))
      }
      assert.ok(producer.isOpen, `${producer.name} is connected`)
      await this.#quiet()
      producer.hear((batch) => this.#send(producer, batch))
      await this.#quiet()
      producer.hear(() => assert.fail('nothing is sent again on an open connection'))
      assert.deepEqual(producer.unacknowledged, [], `all of ${producer.name} is acknowledged`)
    }
    await this.#check()
  }

  async close(): Promise<void> {
    this.#letGo()
    await this.#daemon.kill()
  }

  /** Says HELLO, and hears WELCOME if it comes at once. */
  async #connect(producer: StoryProducer, isNew: boolean): Promise<void> {
    const { name } = producer
    const epoch = isNew ? null : producer.epoch
    const before = producer.line
    const wasOpen = producer.session !== null && before?.closedWith === null
    const current = this.#epochOf(name)
    const line = producer.connect(this.#sessionOptions(), epoch, (bytes) =>
      this.#assertFlushed(name, bytes),
    )
    this.#gaps.set(name, 0)
    if (epoch === null) {
      const { end: position } = this.#daemon.journal
      this.#taken.push({ position, producer: name, epoch: current + 1, batch: null })
    }
    const isRefused = epoch !== null && epoch !== current
    if (wasOpen && !isRefused) assert.equal(before.closedWith, fencedCode, 'it is taken over')
    await this.#quiet()
    assert.equal(line.closedWith, isRefused ? fencedCode : null)
    if (isRefused) producer.epoch = null
    producer.hear((batch) => this.#send(producer, batch))
  }

  #send(producer: StoryProducer, { sequence, source, events, frame }: SentBatch): void {
    const { name } = producer
    const { journal } = this.#daemon
    const epoch = this.#epochOf(name)
    assert.equal(epoch, producer.epoch, 'who may publish has the epoch of now')
    const next = this.#nextSequence(name)
    const before = journal.end
    producer.session!.received(frame)
    const fresh = events
      .map((event, n) => ({ ...event, sequence: sequence + n }))
      .filter((event) => event.sequence >= next)
    assert.ok(sequence <= next, 'a producer leaves no gap')
    assert.equal(journal.end > before, fresh.length > 0, 'what is new is taken, and nothing else')
    this.#gaps.set(name, 0)
    if (fresh.length === 0) return
    const batch = { producer: name, epoch, source, events: fresh }
    this.#taken.push({ position: journal.end, producer: name, epoch, batch })
  }

  #gap(producer: StoryProducer): void {
    if (!producer.isOpen) return
    const { journal } = this.#daemon
    const before = journal.end
    producer.session!.received(producer.frameBehindGap())
    assert.equal(journal.end, before, 'nothing behind a gap is taken')
    const gaps = this.#gaps.get(producer.name)! + 1
    this.#gaps.set(producer.name, gaps)
    assert.equal(producer.line!.closedWith, gaps < 3 ? null : gapsCode)
  }

  /** Called with each frame as it is sent: what it acknowledges is on disk by then. */
  #assertFlushed(name: string, bytes: Uint8Array): void {
    const frame = protocol.decodeServerFrame(bytes)!
    const upTo =
      frame.kind === 'ack' ? frame.upTo : frame.kind === 'welcome' ? frame.lastSequence! : -1
    const epoch = this.#epochOf(name)
    const told = this.#taken.filter(
      ({ producer, batch, epoch: own }) =>
        producer === name && own === epoch && (batch?.events[0]!.sequence ?? -1) <= upTo,
    )
    if (frame.kind !== 'ack' && frame.kind !== 'welcome') return
    const { flushed } = this.#daemon.journal
    for (const { position } of told) assert.ok(position <= flushed, `${name} is told too early`)
  }

  #hold(log: StoryLog): void {
    if (this.#held.has(log)) return
    const gate = createGate()
    this.#held.set(log, gate.open)
    this.#diskOf(log).before = (kind) => (kind === 'flush' ? gate.promise : undefined)
  }

  #letGo(): void {
    for (const [log, release] of this.#held) {
      this.#diskOf(log).before = () => {}
      release()
    }
    this.#held.clear()
  }

  #diskOf(log: StoryLog): MemoryDisk {
    return log === 'journal' ? this.#journalDisk : this.#ledgerDisk
  }

  async #quiet(): Promise<void> {
    await this.#daemon.quiet(new Set(this.#held.keys()))
    // Acknowledgements are sent at the end of a turn, and may let others be sent.
    for (let n = 0; n < 3; n++) {
      this.#scheduler.turn()
      await turn()
    }
  }

  async #drain(): Promise<void> {
    this.#letGo()
    await this.#quiet()
    const open = this.#producers.filter(({ session }) => session?.state === 'open')
    for (const { session } of open) session!.drain(1000)
    await this.#quiet()
    for (const { line } of open) assert.equal(line!.closedWith, drainedCode)
    await this.#daemon.checkpoint(null)
    await this.#restart((disk) => disk.copy(), this.#isTight)
    assert.equal(this.#daemon.recovery.batches, 0, 'what was drained needs no replay')
  }

  /** The process is gone, and with it all that the disks have not kept. */
  async #restart(kept: (disk: MemoryDisk) => MemoryDisk, isTight: boolean): Promise<void> {
    const { flushed } = this.#daemon.journal
    const before = [this.#journalDisk, this.#ledgerDisk]
    const [journalDisk, ledgerDisk] = before.map(kept)
    // What the old process has not done by now, it will never do.
    for (const disk of before) disk.before = () => new Promise(() => {})
    this.#held.clear()
    await this.#daemon.kill()
    for (const producer of this.#producers) producer.cut()
    this.#journalDisk = journalDisk!
    this.#ledgerDisk = ledgerDisk!
    this.#isTight = isTight
    this.#scheduler = new ManualScheduler()
    await this.#open()
    const { end } = this.#daemon.journal.recovered
    const lost = this.#taken.filter(({ position }) => position > end)
    for (const { position } of lost) assert.ok(position > flushed, 'what is flushed is kept')
    this.#taken = this.#taken.filter(({ position }) => position <= end)
    await this.#check()
  }

  async #open(): Promise<void> {
    this.#daemon = await openSmallDaemon({
      catalog,
      clock: this.#clock,
      journalDisk: this.#journalDisk,
      ledgerDisk: this.#ledgerDisk,
      storePath: this.#storePath,
      stateBytesMax: this.#isTight ? tight : roomy,
    })
  }

  async #check(): Promise<void> {
    await this.#quiet()
    const batches = this.#taken.flatMap(({ batch }) => batch ?? [])
    const byUser = Array.from({ length: userCount }, (_, user_id) => ({ user_id }))
    const byTill = tills.map((till) => ({ till }))
    const users = byUser.map(({ user_id }) => userSales(batches, user_id))
    assert.deepEqual(await this.#read('user_sales', byUser), users)
    const sales = tills.map((till) => tillSales(batches, till))
    assert.deepEqual(await this.#read('till_sales', byTill), sales)
    const receipts = tills.map((till) => tillReceipts(batches, till))
    assert.deepEqual(await this.#read('till_receipts', byTill), receipts)
    if (this.#held.size > 0) return
    const entries = await readLedger(this.#daemon.ledger)
    const recorded = entries.map(
      ({ producer, epoch, sequence, code }) => `${producer} ${epoch} ${sequence} ${code}`,
    )
    assert.deepEqual(recorded, recordedOf(batches))
  }

  async #read(name: string, keys: readonly object[]) {
    const { names, rows } = await this.#daemon.reader.read(name, keys as never)
    const short = names.map((each) => each.replace(`${name}.`, ''))
    return rows.map(({ values }) =>
      Object.fromEntries(short.map((each, place) => [each, values[place]])),
    )
  }

  #epochOf(name: string): number {
    return this.#taken.findLast(({ producer }) => producer === name)?.epoch ?? 0
  }

  #nextSequence(name: string): number {
    const last = this.#taken.findLast(({ producer }) => producer === name)
    const event = last?.batch?.events.at(-1)
    return event === undefined ? 0 : event.sequence + 1
  }

  #sessionOptions(): SessionOptions {
    const { intake, reader } = this.#daemon
    return {
      ingest: intake,
      read: reader,
      scheduler: this.#scheduler,
      log: { info: () => {}, error: (fields) => assert.fail(JSON.stringify(fields)) },
      server: 'millrace/story',
      sources: [],
      services: [],
      limits: { frameBytes: 100_000, batchEvents: 100, eventBytes: 1000 },
      credits: { events: 10_000, bytes: 1_000_000 },
      helloTimeoutMs: 5000,
      heartbeatMs: 15_000,
      onClose: () => {},
    }
  }
}
