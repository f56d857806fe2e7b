/**
 * Buffers of frames that were acknowledged, for those that come next.
 *
 * A fresh buffer of a batch costs more than it seems: the system hands out its pages one by one as
 * they are written, zeroed, which takes a fifth of the time of encoding into them.
 */

export class FramePool {
  readonly #bytesMax: number
  /** The one given last is in the cache of the processor, so it is taken first. */
  readonly #free: ArrayBuffer[] = []
  #freeBytes = 0

  /** @param bytesMax  Of the buffers that wait; beyond, they are left to the garbage collector. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** A buffer of at least so many bytes, with anything in it. */
  take(bytes: number): ArrayBuffer {
    const buffer = this.#free.pop()
    if (buffer !== undefined) {
      this.#freeBytes -= buffer.byteLength
      if (buffer.byteLength >= bytes) return buffer
      // It would only be grown again: it makes room for one that is large enough.
    }
    // One that is slow to allocate has memory of its own; that is not zeroed.
    return Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer
  }

  /** Gives a buffer back that nobody reads any more. */
  give(buffer: ArrayBuffer): void {
    if (this.#freeBytes + buffer.byteLength > this.#bytesMax) return
    this.#free.push(buffer)
    this.#freeBytes += buffer.byteLength
  }
}
