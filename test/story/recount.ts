/**
 * What a daemon must say of the events that it has taken, in the order in which it has taken them:
 * counted one by one, by hand.
 */
import type { StoryEvent, StorySource } from './steps.ts'

/** Events that were taken, all of them new. */
export interface TakenBatch {
  readonly producer: string
  readonly epoch: number
  readonly source: StorySource
  readonly events: readonly (StoryEvent & { readonly sequence: number })[]
}

/** By feature, as a read of one key answers. */
export type Values = Readonly<Record<string, unknown>>

const listed = 5

/** The features of one user. */
export function userSales(batches: readonly TakenBatch[], user: number): Values {
  const own = salesOf(batches).filter((event) => event.user === user)
  if (own.length === 0) return { count: null, sum: null, max: null }
  return { ...totals(own), max: BigInt(Math.max(...own.map(({ sequence }) => sequence))) }
}

/** The features of one till. */
export function tillSales(batches: readonly TakenBatch[], till: string): Values {
  const own = salesOf(batches).filter((event) => event.till === till)
  if (own.length === 0) return { count: null, sum: null, first: null, last: null }
  const numbers = own.map(({ sequence }) => BigInt(sequence))
  return { ...totals(own), first: numbers.slice(0, listed), last: numbers.slice(-listed) }
}

/** Of the receipts of one till, the first of each id counts. */
export function tillReceipts(batches: readonly TakenBatch[], till: string): Values {
  const firsts = new Map<number, number>()
  for (const { source, events } of batches) {
    if (source !== 'receipts') continue
    for (const { till: own, receipt, sequence, isWrong } of events) {
      if (own === till && !isWrong && !firsts.has(receipt)) firsts.set(receipt, sequence)
    }
  }
  if (firsts.size === 0) return { count: null, sum: null }
  const sum = [...firsts.values()].reduce((all, sequence) => all + sequence, 0)
  return { count: BigInt(firsts.size), sum: BigInt(sum) }
}

/** What must be in the ledger, in its order. */
export function recordedOf(batches: readonly TakenBatch[]): string[] {
  return batches.flatMap(({ producer, epoch, source, events }) =>
    events.flatMap((event) => {
      const code = codeOf(source, event)
      return code === null ? [] : [`${producer} ${epoch} ${event.sequence} ${code}`]
    }),
  )
}

/** Why an event is rejected; null when it is not. */
export function codeOf(source: StorySource, { isWrong }: StoryEvent): string | null {
  if (source === 'nowhere') return 'SOURCE_UNKNOWN'
  return isWrong ? 'EVENT_FIELD_TYPE' : null
}

function salesOf(batches: readonly TakenBatch[]) {
  return batches
    .filter(({ source }) => source === 'sales')
    .flatMap(({ events }) => events.filter(({ isWrong }) => !isWrong))
}

function totals(events: readonly StoryEvent[]) {
  const sum = events.reduce((all, { amount }) => all + amount, 0)
  return { count: BigInt(events.length), sum: BigInt(sum) }
}
