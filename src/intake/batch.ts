/**
 * A batch between the journal and its acknowledgement.
 *
 * It is decided when it is on disk and every lane that holds events of it has applied them, and
 * settled when also what was not counted of it (`verdict.ts`) is on disk in the ledger; most have
 * nothing there, and are settled at once.
 *
 * It also counts the memory that it holds until then: the bytes that arrived, which the journal
 * has, what the router has copied of them into the lanes' buffers, and its rejections with their
 * events. A buffer doubles as it grows, so the copies may take up to twice what is counted.
 */
import type { BatchInFlight, SequencedRejection } from '../model/contracts.ts'
import type { PartlyLate, Rejection } from '../model/rejection.ts'
import { judge, type Said, type Verdict, type Ways } from './verdict.ts'

export interface BatchFacts {
  readonly position: number
  /** Sequence of the first event. */
  readonly sequence: number
  readonly count: number
  /** Bytes of its events as they arrived. */
  readonly bytes: number
  /** The name of their source. */
  readonly sourceName: string
  readonly arrivalMs: number
  /** Id of the producer. */
  readonly producerId: number
  readonly epoch: number
  readonly ways: Ways
  /** Where its events stood in a batch source; null for those of the stream. */
  readonly origins: Uint8Array | null
  /** The ledger has what was not counted of it from an earlier life. */
  readonly isRecorded: boolean
}

/** Whom a batch tells what becomes of it. */
export interface BatchOwner {
  /** The batch holds so many more bytes of memory. */
  held(bytes: number): void
  /** Events of it were refused before any lane had it. */
  refused(batch: Batch): void
  /** It is known what becomes of every event. It is settled next, or when it is recorded. */
  decided(batch: Batch): void
  /** The batch is settled, and lets go of all its `bytes`. */
  settled(batch: Batch): void
}

const noBytes = new Uint8Array(0)

/** Memory of a rejection without its texts, and of the place of a duplicate, roughly, bytes. */
const rejectionBytes = 200
const duplicateBytes = 40

export class Batch implements BatchInFlight {
  readonly position: number
  readonly sequence: number
  readonly count: number
  readonly facts: BatchFacts
  readonly #owner: BatchOwner
  /** The events, once one of them is to be recorded. */
  #payload = noBytes
  #bytes = 0
  #lanes = 0
  /** Until the router is through, lanes may still be added. */
  #isRouted = false
  #isFlushed = false
  /** By place in the batch, several for an event that goes several ways. */
  #said: Map<number, Said[]> | null = null
  #verdicts: readonly Verdict[] = []
  /** Places of duplicates, and on how many ways each is one, until the batch is decided. */
  #duplicateWays: Map<number, number> | null = null
  #uncounted: readonly number[] = []
  #duplicates = 0
  #isSettled = false

  constructor(facts: BatchFacts, owner: BatchOwner) {
    this.position = facts.position
    this.sequence = facts.sequence
    this.count = facts.count
    this.facts = facts
    this.#owner = owner
    this.#hold(facts.bytes)
  }

  /** Memory that the batch holds, bytes. */
  get bytes(): number {
    return this.#bytes
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  /** The array of the events, while some of them are to be recorded; else empty. */
  get payload(): Uint8Array {
    return this.#payload
  }

  /** What was not counted, or not by all, by place; once the batch is decided. */
  get verdicts(): readonly Verdict[] {
    return this.#verdicts
  }

  /** Events that were not counted again by the rule of their source; once the batch is decided. */
  get duplicates(): number {
    return this.#duplicates
  }

  /**
   * Places of duplicates that no way has counted, of a source with an offline log, which leaves
   * them out; once the batch is decided.
   */
  get uncounted(): readonly number[] {
    return this.#uncounted
  }

  /** Whether the batch waits for the ledger, once it is decided. */
  get isToBeRecorded(): boolean {
    return this.#verdicts.length + this.#uncounted.length > 0 && !this.facts.isRecorded
  }

  expectLane(): void {
    this.#lanes += 1
  }

  laneDone(): void {
    this.#lanes -= 1
    this.#decide()
  }

  /** The router is through, and has copied so many bytes for the lanes. */
  routed(copiedBytes: number): void {
    this.#isRouted = true
    this.#hold(copiedBytes)
    this.#decide()
  }

  flushed(): void {
    this.#isFlushed = true
    this.#decide()
  }

  /** What was not counted of the batch is on disk in the ledger. */
  recorded(): void {
    this.#settle()
  }

  keep(payload: Uint8Array): void {
    if (this.#payload.length > 0) return
    // A `slice` of a Buffer would be a view of it.
    this.#payload = new Uint8Array(payload)
    this.#hold(payload.length)
  }

  reject(route: number, rejections: readonly Rejection[]): void {
    let bytes = 0
    for (const rejection of rejections) {
      bytes += rejectionBytes + rejection.path.length + rejection.message.length
      this.#say(rejection.index, { route, rejection, partly: null })
    }
    this.#hold(bytes)
    if (!this.#isRouted) this.#owner.refused(this)
  }

  late(route: number, events: readonly PartlyLate[]): void {
    for (const partly of events) this.#say(partly.index, { route, rejection: null, partly })
    this.#hold(rejectionBytes * events.length)
  }

  duplicate(places: readonly number[]): void {
    const ways = (this.#duplicateWays ??= new Map<number, number>())
    for (const place of places) ways.set(place, (ways.get(place) ?? 0) + 1)
    this.#hold(duplicateBytes * places.length)
  }

  /** The events that are rejected, by sequence. */
  rejections(): readonly SequencedRejection[] {
    if (this.#verdicts.length === 0) return []
    const rejected = this.#verdicts.filter(({ isAccepted }) => !isAccepted)
    // Field by field: a spread object takes five times the memory, and many may be kept.
    return rejected.map(({ index, code, path, message }) => ({
      index,
      code,
      path,
      message,
      sequence: this.sequence + index,
    }))
  }

  #say(index: number, said: Said): void {
    this.#said ??= new Map()
    const others = this.#said.get(index)
    if (others === undefined) this.#said.set(index, [said])
    else others.push(said)
  }

  #hold(bytes: number): void {
    this.#bytes += bytes
    this.#owner.held(bytes)
  }

  #decide(): void {
    if (!this.#isFlushed || !this.#isRouted || this.#lanes > 0) return
    if (this.#said !== null) {
      const verdicts = [...this.#said].map(([index, said]) => judge(index, said, this.facts.ways))
      this.#verdicts = verdicts.sort((a, b) => a.index - b.index)
    }
    if (this.#duplicateWays !== null) this.#countDuplicates(this.#duplicateWays)
    this.#said = null
    const isDone = !this.isToBeRecorded
    // It may wait for others to be acknowledged before it, and its events are not needed for that.
    if (isDone) this.#payload = noBytes
    this.#owner.decided(this)
    if (isDone) this.#settle()
  }

  /** An event that goes several ways counts once, and one that a way rejects is no duplicate. */
  #countDuplicates(ways: Map<number, number>): void {
    if (this.facts.ways.isOffline) {
      const places = [...ways].filter(([place, count]) => this.#isUncounted(place, count))
      this.#uncounted = places.map(([place]) => place).sort((a, b) => a - b)
    }
    for (const { index, isAccepted } of this.#verdicts) if (!isAccepted) ways.delete(index)
    this.#duplicates = ways.size
    this.#duplicateWays = null
  }

  /** Whether every way that could have counted an event has refused it, or is one of `count`. */
  #isUncounted(place: number, count: number): boolean {
    const { stateful } = this.facts.ways
    const said = this.#said?.get(place) ?? []
    const refusing = said.filter(({ route, partly }) => partly === null && stateful.includes(route))
    return count + refusing.length >= stateful.length
  }

  #settle(): void {
    this.#isSettled = true
    this.#owner.settled(this)
  }
}
