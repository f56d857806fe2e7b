/**
 * What every peer is told, and what it tells: the same events, the same events in flight, a rate.
 */
import type { Workload } from '../../src/load/workload.ts'
import { createImpressions, type ImpressionsOptions } from '../workload.ts'

export interface PeerOptions {
  /** What the workload is made of. */
  readonly impressions: ImpressionsOptions
  /** What the product is sent in the same run. */
  readonly workload: Workload
  /** Where a peer has some. */
  readonly connections: number
  /** Events sent and not answered, all connections together; at least a frame for each. */
  readonly inFlight: number
  /** Not measured at the start, ms. */
  readonly warmupMs: number
  /** Measured, ms. */
  readonly measuredMs: number
  /** When not 0: so many events instead, the first quarter of which is not measured. */
  readonly events: number
}

/** Options with their workload, which takes a while to make: once for all peers. */
export function withWorkload(options: Omit<PeerOptions, 'workload'>): PeerOptions {
  return { ...options, workload: createImpressions(options.impressions) }
}

/** @throws when nothing was done, or in no time: there is no such rate. */
export function perSecond(count: number, ms: number): number {
  if (count === 0 || ms === 0) throw new Error(`${count} were done in ${ms} ms`)
  return Math.round((count / ms) * 1000)
}
