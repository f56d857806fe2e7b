/**
 * What the daemon has said of some keys of a view, beside what they come to.
 */
import type { LogExtent } from '../log/log.ts'
import type { View } from '../model/catalog.ts'
import type { FeatureRow, FeatureState } from '../model/contracts.ts'
import type { ReadResult } from '../model/message.ts'
import type { EventInHand } from '../model/pulse.ts'
import { msOf, nsWithinMs } from '../model/timestamp.ts'
import type { Value } from '../model/types.ts'
import { stateOf } from '../serve/feature-row.ts'
import { isCovered } from './coverage.ts'
import { isSameValue } from './same-value.ts'
import type { Shadow, ShadowEdge } from './shadow.ts'

/** What the daemon says to a question, and between which positions it has read. */
export interface Served {
  readonly rows: readonly FeatureRow[]
  readonly before: number
  readonly after: number
  /** The journal, which is on disk up to `after`. */
  readonly journal: LogExtent
  /** Events that shards skip. */
  readonly quarantined: readonly EventInHand[]
  /** Whether events of the view's source may have been refused because their keys were new. */
  readonly isLimited: boolean
}

export interface AskedKey {
  readonly key: Uint8Array
  /** Its join keys, as the daemon was asked. */
  readonly values: Readonly<Record<string, Value>>
}

/** A value with its state. */
export interface StatedValue {
  readonly state: FeatureState
  readonly value: Value
}

export class Answer {
  readonly view: View
  readonly asked: readonly AskedKey[]
  readonly before: number
  readonly after: number
  readonly journal: LogExtent
  readonly quarantined: readonly EventInHand[]
  readonly isLimited: boolean
  readonly #rows: readonly FeatureRow[]
  readonly #fromMs: number
  readonly #features: readonly number[]
  /** Places of the keys that were not what they should be yet. */
  #unequal: readonly number[]
  equal = 0
  uncertified = 0

  /** @param fromMs  Moment behind which every event is there. */
  constructor(view: View, asked: readonly AskedKey[], served: Served, fromMs: number) {
    this.view = view
    this.asked = asked
    this.before = served.before
    this.after = served.after
    this.journal = served.journal
    this.quarantined = served.quarantined
    this.isLimited = served.isLimited
    this.#rows = served.rows
    this.#fromMs = fromMs
    this.#features = view.features.map((_, place) => place)
    this.#unequal = asked.map((_, n) => n)
  }

  /** Whether every key was what it should be at some position. */
  get isDone(): boolean {
    return this.#unequal.length === 0
  }

  get unequalKeys(): readonly AskedKey[] {
    return this.#unequal.map((n) => this.asked[n]!)
  }

  /** Values of keys that have never been what they should be. */
  get different(): number {
    return this.#unequal.reduce((sum, n) => sum + this.#covered(n).length, 0)
  }

  /** Compares what was served with what the shadow says now, where they have not been equal. */
  compare(shadow: Shadow): void {
    this.#unequal = this.#unequal.filter((n) => {
      if (this.firstDifference(n, shadow) !== null) return true
      this.#settle(n)
      return false
    })
  }

  /** A key has turned out to be what it should be. */
  settle(key: Uint8Array): void {
    this.#unequal = this.#unequal.filter((n) => {
      if (this.asked[n]!.key !== key) return true
      this.#settle(n)
      return false
    })
  }

  /** Gives up on what is not equal: which key was one too many is decided by keys not asked for. */
  excuse(): void {
    this.uncertified += this.#unequal.length * this.#features.length
    this.#unequal = []
  }

  /** The end of the windows of a key. */
  edgeOf(n: number): ShadowEdge {
    const ns = this.#rows[n]!.edgeNs[0]!
    return { edgeMs: msOf(ns), edgeNs: nsWithinMs(ns) }
  }

  served(n: number, feature: number): StatedValue {
    const { states, values } = this.#rows[n]!
    return { state: states[feature]!, value: values[feature] as Value }
  }

  counted(n: number, shadow: Shadow): readonly StatedValue[] {
    const { key } = this.asked[n]!
    const result = shadow.read(this.view.index, key, this.#features, this.edgeOf(n))
    return this.#features.map((_, place) => statedValue(result, place))
  }

  /** The first feature whose value differs, of those that can be certified; null for none. */
  firstDifference(n: number, shadow: Shadow): number | null {
    const counted = this.counted(n, shadow)
    const wrong = this.#covered(n).find(
      (feature) => !isSame(this.served(n, feature), counted[feature]!),
    )
    return wrong ?? null
  }

  #settle(n: number): void {
    const covered = this.#covered(n).length
    this.equal += covered
    this.uncertified += this.#features.length - covered
  }

  #covered(n: number): readonly number[] {
    const newestNs = this.#rows[n]!.newestNs[0] ?? null
    const { edgeMs } = this.edgeOf(n)
    const newestMs = newestNs === null ? -Infinity : msOf(newestNs)
    const at = { edgeMs, newestMs, fromMs: this.#fromMs }
    return this.#features.filter((place) => isCovered(this.view, this.view.features[place]!, at))
  }
}

function statedValue(result: ReadResult, place: number): StatedValue {
  const state = stateOf(result, place)
  return { state, value: state === 'present' ? result.values[place]! : null }
}

/** A key that has expired may be forgotten: both ways nothing is known of any window. */
function isSame(a: StatedValue, b: StatedValue): boolean {
  const plain = (state: FeatureState): string => (state === 'expired' ? 'unseen' : state)
  return plain(a.state) === plain(b.state) && isSameValue(a.value, b.value)
}
