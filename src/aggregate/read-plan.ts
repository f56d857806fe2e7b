/**
 * Which windows of a view must be evaluated for some of its features.
 *
 * A read asks for the features of one service, and the next for the same ones: what follows from
 * them is worked out once.
 */
import { narrowed, type WindowGroup } from './row-layout.ts'
import type { LevelState } from './level-state.ts'

/** The windows of one level, each with what is asked of it. */
export interface LevelRead {
  readonly level: LevelState
  readonly groups: readonly GroupRead[]
}

export interface GroupRead extends WindowGroup {
  /** Of the group's features: their places among those that are asked for. */
  readonly places: readonly number[]
}

/** Plans kept; there are as many as services, unless each read asks for something else. */
const plansMax = 64

export class ReadPlans {
  readonly #levels: readonly LevelState[]
  readonly #plans = new Map<string, readonly LevelRead[]>()
  /** What was asked for last: mostly the same list comes again, for another key. */
  #features: readonly number[] = []
  #plan: readonly LevelRead[] = []

  constructor(levels: readonly LevelState[]) {
    this.#levels = levels
  }

  /** @param features  Places in the view's features, each once; not changed afterwards. */
  of(features: readonly number[]): readonly LevelRead[] {
    if (features !== this.#features) {
      this.#plan = this.#planOf(features)
      this.#features = features
    }
    return this.#plan
  }

  #planOf(features: readonly number[]): readonly LevelRead[] {
    const key = features.join(' ')
    const known = this.#plans.get(key)
    if (known !== undefined) return known
    const wanted = new Set(features)
    const plan = this.#levels.map((level) => ({
      level,
      groups: level.level.groups.flatMap((group): GroupRead[] => {
        const asked = narrowed(group, wanted)
        if (asked === null) return []
        return [{ ...asked, places: asked.features.map(({ index }) => features.indexOf(index)) }]
      }),
    }))
    if (this.#plans.size === plansMax) this.#plans.clear()
    this.#plans.set(key, plan)
    return plan
  }
}
