/**
 * How many events of which producer and source were not counted, and with which code.
 *
 * The counts are of all time: they outlive the entries. A name that came with an event is whatever
 * somebody sent, so the rows are bounded; what finds no row is counted together. Requests with an
 * idempotency key are producers for one batch each, and have their rows together.
 */
import { ledgerCountsMax } from '../base/limits.ts'
import { requestPrefix, type LedgerCount } from '../model/ledger.ts'

type Row = { -readonly [K in keyof LedgerCount]: LedgerCount[K] }

export class LedgerCounts {
  readonly #rows = new Map<string, Row>()
  readonly #other = { rejected: 0, partial: 0 }

  constructor(rows: readonly LedgerCount[] = [], other = { rejected: 0, partial: 0 }) {
    for (const row of rows) this.#rows.set(keyOf(row), { ...row })
    Object.assign(this.#other, other)
  }

  add(of: Pick<LedgerCount, 'producer' | 'source' | 'code'>, isPartial: boolean): void {
    const row = this.#rowOf(of)
    if (isPartial) row.partial += 1
    else row.rejected += 1
  }

  /** Rows in the order in which they came up. */
  get rows(): readonly LedgerCount[] {
    return [...this.#rows.values()]
  }

  get other(): { readonly rejected: number; readonly partial: number } {
    return this.#other
  }

  #rowOf({ producer: name, source, code }: Pick<LedgerCount, 'producer' | 'source' | 'code'>) {
    const producer = name.startsWith(requestPrefix) ? requestPrefix.trim() : name
    const key = keyOf({ producer, source, code })
    const row = this.#rows.get(key)
    if (row !== undefined) return row
    if (this.#rows.size >= ledgerCountsMax) return this.#other
    const added = { producer, source, code, rejected: 0, partial: 0 }
    this.#rows.set(key, added)
    return added
  }
}

/** Names may hold any character: the quotes keep them apart. */
function keyOf({ producer, source, code }: Pick<LedgerCount, 'producer' | 'source' | 'code'>) {
  return JSON.stringify([producer, source, code])
}
