/**
 * What a shard thread shows of its life, in memory that the main thread sees: that it does
 * something, and that it makes a checkpoint.
 *
 * Written by the shard thread alone; a message would wait behind what it is to tell of.
 */

/** Places in the shared memory: steps done, and checkpoints begun and ended. */
const beatsAt = 0
const begunAt = 1
const endedAt = 2

export class Pulse {
  readonly #cells: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory)
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

  beat(): void {
    Atomics.add(this.#cells, beatsAt, 1)
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
}

export function createPulse(): SharedArrayBuffer {
  return new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT)
}
