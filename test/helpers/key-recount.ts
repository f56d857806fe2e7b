/**
 * Which keys of a view are new, from a plain list of the rows that it has counted.
 */
import { expiredKeptMs, sweepSlackMs } from '../../src/base/limits.ts'
import type { View } from '../../src/model/catalog.ts'
import { continuousTileMs, sawtoothTileMs } from '../../src/model/tiles.ts'
import { msOf } from '../../src/model/timestamp.ts'

const dayMs = 86_400_000

export class KeyRecount {
  readonly #view: View
  readonly #knownMs: number
  /** Time of the newest row, by key. */
  readonly #newestMs = new Map<string, number>()
  /** New keys, by day of arrival. */
  readonly #taken = new Map<number, number>()

  constructor(view: View) {
    this.#view = view
    this.#knownMs = servedMsOf(view) + expiredKeptMs - sweepSlackMs
  }

  /** A row that was counted. */
  add({ key, timeNs }: { readonly key: string; readonly timeNs: bigint }, arrivalMs: number): void {
    if (this.#isNew(key, arrivalMs)) {
      const day = Math.floor(arrivalMs / dayMs)
      this.#taken.set(day, (this.#taken.get(day) ?? 0) + 1)
    }
    this.#newestMs.set(key, Math.max(this.#newestMs.get(key) ?? -Infinity, msOf(timeNs)))
  }

  /** Whether a row of a key cannot be counted now, because the key is new. */
  isExcess(key: string, arrivalMs: number, max = this.#view.newKeysPerDay): boolean {
    const taken = this.#taken.get(Math.floor(arrivalMs / dayMs)) ?? 0
    return this.#isNew(key, arrivalMs) && taken >= max
  }

  #isNew(key: string, arrivalMs: number): boolean {
    const newestMs = this.#newestMs.get(key)
    const watermarkMs = Math.max(...this.#newestMs.values())
    const isWallClock = this.#view.leadingEdge === 'wall-clock'
    const edgeMs = isWallClock ? arrivalMs : Math.min(arrivalMs, watermarkMs)
    return newestMs === undefined || newestMs < edgeMs - this.#knownMs
  }
}

/** How old a row can be and still be served with the rest of its tile, ms. */
function servedMsOf({ features, mode, intervalMs, ttlMs }: View): number {
  const all = features.map((feature) => {
    if (feature.kind === 'attribute') return ttlMs
    const { window } = feature
    if (window.kind === 'lifetime') return Infinity
    const reachMs = window.kind === 'series' ? window.fromMs : window.sizeMs + window.offsetMs
    if (mode === 'interval') return reachMs + intervalMs
    const tileMs = mode === 'sawtooth' ? sawtoothTileMs : continuousTileMs
    return reachMs + tileMs(window.sizeMs)
  })
  return Math.max(...all)
}
