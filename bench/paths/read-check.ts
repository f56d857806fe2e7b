/**
 * What the features of some keys must be, from all events that were sent to them.
 *
 * Knows nothing of tiles but where the windows of a sawtooth begin: an hour on a boundary of five
 * minutes, a day on that of an hour. Amounts are multiples of 1/8, so that sums are exact.
 */
import type { Workload } from '../../src/load/workload.ts'
import { userId } from '../workload.ts'

/** A load that was sent. */
export interface SentLoad {
  readonly workload: Workload
  /** By frame: the event time that it was sent with, ms; a hole when it was not. */
  readonly frameTimesMs: readonly number[]
  /** How far back the time of the n-th event lies, ms. @defaultValue 0 */
  readonly backMsOf?: (n: number) => number
}

export type Expected = Readonly<Record<string, number | null>>

const hourMs = 3_600_000
const windows = [
  { name: '1h', sizeMs: hourMs, tileMs: 300_000 },
  { name: '24h', sizeMs: 24 * hourMs, tileMs: hourMs },
]

export class SentEvents {
  /** Numbers of the keys that are read. */
  readonly keys: readonly number[]
  readonly #placeOf = new Map<number, number>()
  /** By place of the key: event times and amounts in turn. */
  readonly #events: number[][]

  /** @param count  How many of the keys are read, spread evenly over all. */
  constructor(allKeys: number, count: number) {
    this.keys = Array.from({ length: count }, (_, n) => Math.floor((n * allKeys) / count))
    this.#events = this.keys.map(() => [])
    for (const [place, key] of this.keys.entries()) this.#placeOf.set(key, place)
  }

  add({ workload, frameTimesMs, backMsOf = () => 0 }: SentLoad): void {
    const { frameEvents } = workload
    // Unlike `for … of`, this leaves out the holes.
    frameTimesMs.forEach((timeMs, frame) => {
      for (let index = 0; index < frameEvents; index++) {
        const place = this.#placeOf.get(workload.keyOf(frame, index))
        if (place === undefined) continue
        const amount = workload.valueOf('amount', frame, index) as number
        this.#events[place]!.push(timeMs - backMsOf(frame * frameEvents + index), amount)
      }
    })
  }

  /** Takes over what was sent to the same keys as far as it is known elsewhere. */
  copy(other: SentEvents): void {
    for (const [place, events] of other.#events.entries()) this.#events[place] = [...events]
  }

  /** By feature of the service: what a read of the key at an edge must answer. */
  at(place: number, edgeMs: number): Expected {
    const expected: Record<string, number | null> = {}
    const events = this.#events[place]!
    for (const { name, sizeMs, tileMs } of windows) {
      const fromMs = Math.floor((edgeMs - sizeMs) / tileMs) * tileMs
      const amounts = events.filter((_, n) => n % 2 === 1 && events[n - 1]! >= fromMs)
      const sum = amounts.reduce((total, amount) => total + amount, 0)
      const isEmpty = amounts.length === 0
      const facts = {
        count: amounts.length,
        sum,
        mean: sum / amounts.length,
        min: Math.min(...amounts),
        max: Math.max(...amounts),
      }
      for (const [fn, fact] of Object.entries(facts)) {
        expected[`user_spend.amount_${fn}_${name}`] = isEmpty ? null : fact
      }
    }
    return expected
  }

  /** Compares an answer with what was sent; returns a line about it. */
  check(place: number, edgeMs: number, values: Readonly<Record<string, unknown>>): string {
    const expected = this.at(place, edgeMs)
    for (const [feature, fact] of Object.entries(expected)) {
      const got = plain(values[feature])
      if (got !== fact) throw this.#wrong(place, feature, got, `${fact} was sent`)
    }
    return `${this.keys[place]} ${JSON.stringify(expected)}`
  }

  /**
   * Checks an answer that came while more events were on their way: it lies between what was known
   * before them and what is known now.
   */
  checkBetween(
    before: SentEvents,
    place: number,
    edgeMs: number,
    values: Readonly<Record<string, unknown>>,
  ): void {
    const [least, most] = [before.at(place, edgeMs), this.at(place, edgeMs)]
    const named = (fn: string): string => `user_spend.amount_${fn}_24h`
    const within = (fn: string, low: number | null, high: number | null): void => {
      const got = plain(values[named(fn)]) ?? 0
      if (got >= (low ?? 0) && got <= (high ?? 0)) return
      throw this.#wrong(place, named(fn), got, `it is ${low} to ${high}`)
    }
    within('count', least[named('count')]!, most[named('count')]!)
    within('sum', least[named('sum')]!, most[named('sum')]!)
    within('max', least[named('max')]!, most[named('max')]!)
    const [count, sum, mean] = ['count', 'sum', 'mean'].map((fn) => plain(values[named(fn)]))
    if (count !== null && mean !== sum! / count!) {
      throw this.#wrong(place, named('mean'), mean!, `${sum} / ${count}`)
    }
  }

  #wrong(place: number, feature: string, got: unknown, expected: string): Error {
    return new Error(`${userId(this.keys[place]!)}: ${feature} is ${String(got)}, but ${expected}`)
  }
}

/** One row of an answer over HTTP. */
interface Row {
  readonly values: Readonly<Record<string, unknown>>
  readonly freshness: { readonly user_spend: { readonly edge: string } }
}

/** The rows of the body of an answer, each with the edge of its windows. */
export function rowsOf(body: string) {
  const { rows } = JSON.parse(body) as { readonly rows?: readonly Row[] }
  if (rows === undefined) throw new Error(`features cannot be read: ${body}`)
  return rows.map(({ values, freshness }) => {
    return { values, edgeMs: Date.parse(freshness.user_spend.edge) }
  })
}

/** Reads all keys and compares each with what was sent to it; returns a line for each. */
export async function checkAll(url: string, sent: SentEvents): Promise<string[]> {
  const response = await fetch(`${url}/v1/features/spending`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ keys: sent.keys.map((key) => ({ user_id: userId(key) })) }),
  })
  const rows = rowsOf(await response.text())
  return rows.map(({ edgeMs, values }, place) => sent.check(place, edgeMs, values))
}

/** A count comes as a `bigint`, or as its digits. */
function plain(value: unknown): number | null | undefined {
  return value === null || value === undefined ? value : Number(value)
}
