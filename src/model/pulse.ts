/**
 * What a shard thread shows of its life, in memory that the main thread sees: that it does
 * something, that it makes a checkpoint, which check it makes, and, when it is asked to be careful,
 * which event it has in hand.
 *
 * Written by the shard thread; a message would wait behind what it is to tell of. It outlives the
 * thread, and the main thread clears it when that is dead.
 */

/** Places in the shared memory: steps done, and checkpoints begun and ended. */
const beatsAt = 0
const begunAt = 1
const endedAt = 2
const cellsCount = 4

/** Behind them, of the event in hand: position of its batch, route, place in the batch. */
const positionAt = 0
const routeAt = 1
const indexAt = 2
/** Of the check that is being made: its id, and 1. */
const checkAt = 3
const factsCount = 4

/** No batch ends here. */
const noPosition = 0

/** An event on one of its ways. */
export interface EventInHand {
  /** Journal position of the end of its batch. */
  readonly position: number
  readonly route: number
  /** Place in the batch. */
  readonly index: number
}

export class Pulse {
  readonly #cells: Int32Array
  readonly #facts: Float64Array

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory, 0, cellsCount)
    this.#facts = new Float64Array(memory, this.#cells.byteLength, factsCount)
  }

  /** Changes when the thread has done something. */
  get beats(): number {
    return Atomics.load(this.#cells, beatsAt)
  }

  /** Number of the checkpoint that is being made; null when none is. */
  get storing(): number | null {
    const begun = Atomics.load(this.#cells, begunAt)
    return begun === Atomics.load(this.#cells, endedAt) ? null : begun
  }

  /** What a thread that is dead had in hand, if it was careful. */
  get inHand(): EventInHand | null {
    const [position, route, index] = this.#facts
    return position === noPosition ? null : { position: position!, route: route!, index: index! }
  }

  /** Id of the check that a thread that is dead was making; null when it made none. */
  get check(): number | null {
    const check = this.#facts[checkAt]!
    return check === 0 ? null : check - 1
  }

  beat(): void {
    Atomics.add(this.#cells, beatsAt, 1)
  }

  take({ position, route, index }: EventInHand): void {
    this.#facts[routeAt] = route
    this.#facts[indexAt] = index
    this.#facts[positionAt] = position
  }

  putDown(): void {
    this.#facts[positionAt] = noPosition
  }

  /** Shows which check is being made; what ends the thread meanwhile leaves it there. */
  checking<T>(id: number, make: () => T): T {
    this.#facts[checkAt] = id + 1
    const made = make()
    this.#facts[checkAt] = 0
    return made
  }

  /** Shows that a checkpoint is being made, for as long as it is. */
  async whileStoring<T>(made: Promise<T>): Promise<T> {
    this.beginStoring()
    try {
      return await made
    } finally {
      this.endStoring()
    }
  }

  beginStoring(): void {
    Atomics.add(this.#cells, begunAt, 1)
  }

  endStoring(): void {
    Atomics.store(this.#cells, endedAt, Atomics.load(this.#cells, begunAt))
  }

  /** The thread is dead: it does nothing of what it was doing. */
  clear(): void {
    this.endStoring()
    this.putDown()
    this.#facts[checkAt] = 0
  }
}

export function createPulse(): SharedArrayBuffer {
  const cellsBytes = cellsCount * Int32Array.BYTES_PER_ELEMENT
  return new SharedArrayBuffer(cellsBytes + factsCount * Float64Array.BYTES_PER_ELEMENT)
}
