/**
 * The events of the benches: impressions of `features.ts`, made by the product's load generator.
 */
import { systemClock } from '../src/base/clock.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { keyText } from '../src/load/patch.ts'
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
}

export function createImpressions(options: ImpressionsOptions): Workload {
  const target = targetOf(buildCatalog(Object.values(features)), features.impressions.name)
  return createWorkload({ ...options, target, startMs: systemClock.nowMs() })
}

/** The entity key by its number. */
export function userId(key: number): string {
  return keyText('user_id', key)
}
