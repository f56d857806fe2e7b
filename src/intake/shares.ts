/**
 * Who may go on when too much is unfinished: the memory of batches that are not settled, and each
 * producer's part of it.
 *
 * Beyond `intakeBytesMax`, a producer that holds more than its share is held back until it has half
 * of it left; a share is the bound by those who hold anything. One that sends little goes on as if
 * nothing were. As shares shrink with every newcomer, all together may come to more: beyond twice
 * the bound every producer is held back. Who only reads never is.
 *
 * Thread: main.
 */
import { intakeBytesMax } from '../base/limits.ts'

type Tell = (isHeld: boolean) => void

/** One producer's part; only {@link Shares} changes it. */
export interface Share {
  bytes: number
  /** Its session is not to be read. */
  isHeld: boolean
  /** Its session, while it has one. */
  tell: Tell | null
}

type Level = 'free' | 'full' | 'crowded'

export class Shares {
  #bytes = 0
  #level: Level = 'free'
  /** Shares that hold anything. */
  #holding = 0
  readonly #attached = new Set<Share>()

  /** Memory of all batches that are not settled, those of no producer included. */
  get bytes(): number {
    return this.#bytes
  }

  create(): Share {
    return { bytes: 0, isHeld: false, tell: null }
  }

  /** A session has begun for the share; it is told now, if it is held back, and later. */
  attach(share: Share, tell: Tell): void {
    share.tell = tell
    share.isHeld = false
    this.#attached.add(share)
    this.#decide(share)
  }

  detach(share: Share): void {
    share.tell = null
    this.#attached.delete(share)
  }

  /**
   * So many bytes more, or fewer, are unfinished.
   *
   * @param share  Whose they are; null for those of a replay.
   */
  add(bytes: number, share: Share | null): void {
    this.#bytes += bytes
    if (share !== null) this.#addTo(share, bytes)
    const level = this.#levelNow()
    if (level !== this.#level) {
      this.#level = level
      for (const each of this.#attached) this.#decide(each)
    } else if (share !== null && level !== 'free') this.#decide(share)
  }

  #addTo(share: Share, bytes: number): void {
    const had = share.bytes
    share.bytes += bytes
    if (had === 0 && share.bytes > 0) this.#holding += 1
    if (had > 0 && share.bytes === 0) this.#holding -= 1
  }

  /** Half of what begins a level ends it, so that sockets are not stopped for every batch. */
  #levelNow(): Level {
    const isCrowded = this.#bytes > intakeBytesMax * (this.#level === 'crowded' ? 1 : 2)
    if (isCrowded) return 'crowded'
    return this.#bytes > intakeBytesMax / (this.#level === 'free' ? 1 : 2) ? 'full' : 'free'
  }

  #decide(share: Share): void {
    const part = intakeBytesMax / Math.max(1, this.#holding)
    const isBeyond = share.bytes > (share.isHeld ? part / 2 : part)
    const isHeld = this.#level === 'crowded' || (this.#level === 'full' && isBeyond)
    if (isHeld === share.isHeld || share.tell === null) return
    share.isHeld = isHeld
    share.tell(isHeld)
  }
}
