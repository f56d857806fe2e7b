/**
 * What the ledger has come to: all that a segment begins with, so that the last one tells it.
 *
 * It changes only together with the log, by the records that are appended, and is built again from
 * the last segment's snapshot and the records behind it. Pure.
 */
import { notHere } from '../log/recover.ts'
import type { RecordedBatch } from '../model/ledger.ts'
import { LedgerCounts } from './counts.ts'
import { encodeSnapshot, type LedgerRecord, type Replay } from './record.ts'

export class LedgerState {
  nextId = 1
  position = 0
  counts = new LedgerCounts()
  lastReplay: Replay | null = null
  /** Entries replayed before the last replay. */
  #replayed = 0

  /** Applies a record; returns why it cannot stand where it does. */
  take(record: LedgerRecord | null): string | null {
    switch (record?.kind) {
      case 'snapshot': {
        const { nextId, position, replayed, counts, other, lastReplay } = record.snapshot
        Object.assign(this, { nextId, position, lastReplay })
        this.counts = new LedgerCounts(counts, other)
        this.#replayed = replayed
        return null
      }
      case 'batch': {
        const { batch } = record
        if (batch.position <= this.position) return notHere
        if ((batch.entries[0]?.id ?? this.nextId) !== this.nextId) return notHere
        this.record(batch)
        return null
      }
      case 'replay':
        this.replay(record.replay)
        return null
      case undefined:
        return notHere
    }
  }

  record({ position, producer, source, entries }: RecordedBatch): void {
    this.position = position
    this.nextId += entries.length
    for (const { code, views } of entries) {
      this.counts.add({ producer, source, code }, views.length > 0)
    }
  }

  replay(replay: Replay): void {
    if (this.lastReplay !== null && wasPublished(this.lastReplay, replay)) {
      this.#replayed += this.lastReplay.ids.length
    }
    this.lastReplay = replay
  }

  /** @param isLastPublished  Whether the last replay counts. */
  replayed(isLastPublished: boolean): number {
    return this.#replayed + (isLastPublished ? (this.lastReplay?.ids.length ?? 0) : 0)
  }

  encode(seed: number): Uint8Array {
    const { nextId, position, lastReplay } = this
    const { rows: counts, other } = this.counts
    const replayed = this.#replayed
    return encodeSnapshot({ nextId, position, replayed, counts, other, lastReplay }, seed)
  }
}

/** A replay that begins where the one before it does shows that that one never came to pass. */
export function wasPublished(replay: Replay, next: Replay): boolean {
  return next.epoch !== replay.epoch || next.sequence > replay.sequence
}
