/**
 * The events of the benches: impressions of `features.ts`, made by the product's load generator.
 */
import { systemClock } from '../src/base/clock.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { disorderMs, keyText } from '../src/load/patch.ts'
import { seedFor } from '../src/load/random.ts'
import { targetOf } from '../src/load/target.ts'
import { createWorkload, type Workload } from '../src/load/workload.ts'
import * as features from './features.ts'

export interface ImpressionsOptions {
  /** Different keys, at most 10⁸. */
  readonly keys: number
  /** Exponent of Zipf's law; 0 draws keys uniformly. */
  readonly zipf: number
  readonly frameEvents: number
  readonly seed: number
  /** How far back event times lie, ms: evenly up to there. @defaultValue 0 */
  readonly backMsMax?: number
}

export function createImpressions({ backMsMax = 0, ...options }: ImpressionsOptions): Workload {
  const target = targetOf(buildCatalog(Object.values(features)), features.impressions.name)
  const disorder = { share: backMsMax === 0 ? 0 : 1, msMax: backMsMax }
  return createWorkload({ ...options, target, disorder, startMs: systemClock.nowMs() })
}

/** How far back the event time of the n-th event of such a workload lies, ms. */
export function backMsOf({ seed, backMsMax = 0 }: ImpressionsOptions, n: number): number {
  if (backMsMax === 0) return 0
  return disorderMs({ share: 1, msMax: backMsMax, seed: seedFor(seed, 'disorder') }, n)
}

/** The entity key by its number. */
export function userId(key: number): string {
  return keyText('user_id', key)
}
