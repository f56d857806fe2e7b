/**
 * Which windows of a view must be evaluated for some of its features.
 *
 * A read asks for the features of one service, and the next for the same ones: what follows from
 * them is worked out once.
 */
import { narrowed, type WindowGroup } from './row-layout.ts'
import type { LevelState } from './slot-codec.ts'

/** The windows of one level, each with what is asked of it. */
export interface LevelRead {
  readonly level: LevelState
  readonly groups: readonly WindowGroup[]
}

/** Plans kept; there are as many as services, unless each read asks for something else. */
const plansMax = 64

export class ReadPlans {
  readonly #levels: readonly LevelState[]
  readonly #plans = new Map<string, readonly LevelRead[]>()

  constructor(levels: readonly LevelState[]) {
    this.#levels = levels
  }

  /** @param features  Places in the view's features. */
  of(features: readonly number[]): readonly LevelRead[] {
    const key = features.join(' ')
    const known = this.#plans.get(key)
    if (known !== undefined) return known
    const wanted = new Set(features)
    const plan = this.#levels.map((level) => ({
      level,
      groups: level.level.groups.flatMap((group) => narrowed(group, wanted) ?? []),
    }))
    if (this.#plans.size === plansMax) this.#plans.clear()
    this.#plans.set(key, plan)
    return plan
  }
}
