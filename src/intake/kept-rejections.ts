/**
 * The rejections that are kept for producers that come back after a lost acknowledgement.
 *
 * Of each producer the newest are kept, and of all producers together: beyond either bound the
 * oldest go, one by one. Because a producer fills its own share first, one whose every event is
 * wrong does not push out what the others have.
 *
 * Thread: main.
 */
import { rejectionsKeptMax, rejectionsKeptTotalMax } from '../base/limits.ts'
import type { SequencedRejection } from '../model/contracts.ts'

/** A link of the chain of everything that is kept, in the order in which it came. */
interface Kept {
  readonly rejection: SequencedRejection
  /** All that is kept of the same producer; the oldest is the first. */
  readonly share: Kept[]
  older: Kept | null
  newer: Kept | null
}

/** What is kept of one producer. */
export interface Share {
  /** Adds rejections behind those that are kept. */
  add(rejections: readonly SequencedRejection[]): void
  /** Those of the sequences from `first` to `last`, in the order in which they came. */
  between(first: number, last: number): SequencedRejection[]
  clear(): void
}

export class KeptRejections {
  #count = 0
  #oldest: Kept | null = null
  #newest: Kept | null = null

  /** Rejections of all producers. */
  get count(): number {
    return this.#count
  }

  /** A place for one producer's rejections. */
  share(): Share {
    const share: Kept[] = []
    return {
      add: (rejections) => {
        for (const rejection of rejections) this.#append(share, rejection)
        this.#drop(share, share.length - rejectionsKeptMax)
        // The oldest of all is also the oldest of its producer.
        while (this.#count > rejectionsKeptTotalMax) this.#drop(this.#oldest!.share, 1)
      },
      between: (first, last) =>
        share
          .filter(({ rejection: { sequence } }) => sequence >= first && sequence <= last)
          .map(({ rejection }) => rejection),
      clear: () => this.#drop(share, share.length),
    }
  }

  #append(share: Kept[], rejection: SequencedRejection): void {
    const kept: Kept = { rejection, share, older: this.#newest, newer: null }
    if (this.#newest === null) this.#oldest = kept
    else this.#newest.newer = kept
    this.#newest = kept
    share.push(kept)
    this.#count += 1
  }

  /** Drops the oldest of a producer. */
  #drop(share: Kept[], count: number): void {
    if (count <= 0) return
    for (const { older, newer } of share.splice(0, count)) {
      if (older === null) this.#oldest = newer
      else older.newer = newer
      if (newer === null) this.#newest = older
      else newer.older = older
      this.#count -= 1
    }
  }
}
