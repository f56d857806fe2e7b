/**
 * What the producers of a crash run say: events of which every one is known again, with what must
 * become of it.
 *
 * A producer numbers its events from 0 on, so that an event's number is its sequence in the
 * producer's epoch, and what has survived of a producer is told by one number.
 */

export const users = 100
export const tillsEach = 6
export const batchEvents = 40

/** Receipts of one till that a producer draws from: some are drawn again. */
const receiptsEach = 2000

const dayMs = 86_400_000

export interface Sale {
  readonly producer: number
  readonly number: number
  readonly till: string
  readonly fields:
    | { readonly kind: 'sale'; readonly user: number; readonly amount: number }
    | { readonly kind: 'receipt'; readonly receipt: string }
    | { readonly kind: 'wrong'; readonly code: string }
}

/** Events for one source, as they are published. */
export interface SalesBatch {
  readonly source: 'sales' | 'receipts'
  readonly events: readonly object[]
  /** Code of each event that must be rejected, by its place. */
  readonly rejected: readonly { readonly index: number; readonly code: string }[]
  readonly sales: readonly Sale[]
}

/** The events of one producer, batch after batch. */
export class Sales {
  readonly #producer: number
  readonly #startMs: number
  readonly #random: () => number
  #number = 0

  /** @param startMs  About now: events are of the hour before it. */
  constructor(producer: number, startMs: number, random: () => number) {
    this.#producer = producer
    this.#startMs = startMs
    this.#random = random
  }

  /** Events so far. */
  get count(): number {
    return this.#number
  }

  next(): SalesBatch {
    const source = this.#draw(5) === 0 ? 'receipts' : 'sales'
    const made = Array.from({ length: batchEvents }, () =>
      source === 'sales' ? this.#sale() : this.#receipt(),
    )
    const sales = made.map(({ sale }) => sale)
    const rejected = sales.flatMap(({ fields }, index) =>
      fields.kind === 'wrong' ? [{ index, code: fields.code }] : [],
    )
    return { source, events: made.map(({ event }) => event), rejected, sales }
  }

  #sale(): { readonly sale: Sale; readonly event: object } {
    const { at, ...place } = this.#place()
    const [user, amount] = [this.#draw(users), this.#draw(1000)]
    const right = { user_id: user, till: place.till, number: place.number, at, amount }
    const wrong = (code: string, part: object) => ({
      sale: { ...place, fields: { kind: 'wrong' as const, code } },
      event: { ...right, ...part },
    })
    switch (this.#draw(60)) {
      case 0:
        return wrong('EVENT_FIELD_TYPE', { amount: 'much' })
      case 1:
        return wrong('EVENT_TOO_LATE', { at: this.#startMs - 60 * dayMs })
      case 2:
        return wrong('EVENT_IN_FUTURE', { at: this.#startMs + 30 * dayMs })
      default:
        return { sale: { ...place, fields: { kind: 'sale', user, amount } }, event: right }
    }
  }

  #receipt(): { readonly sale: Sale; readonly event: object } {
    const { at, ...place } = this.#place()
    const receipt = `r${this.#draw(receiptsEach)}`
    const event = { till: place.till, receipt, number: place.number, at }
    return { sale: { ...place, fields: { kind: 'receipt', receipt } }, event }
  }

  /** Which event it is, in a till of its producer; the events of a till have one time. */
  #place() {
    const till = this.#draw(tillsEach)
    return {
      producer: this.#producer,
      number: this.#number++,
      till: tillName(this.#producer, till),
      at: this.#startMs - 60_000 - till * 500_000,
    }
  }

  #draw(count: number): number {
    return Math.floor(this.#random() * count)
  }
}

export function producerName(producer: number): string {
  return `p${producer}`
}

export function tillName(producer: number, till: number): string {
  return `${producerName(producer)}/${till}`
}
