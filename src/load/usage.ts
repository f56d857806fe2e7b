/**
 * What the generator's own process has used, so that it can be told when it was the bottleneck.
 */
import { performance } from 'node:perf_hooks'

export interface Usage {
  /** CPU time of all its threads so far, ms. */
  readonly cpuMs: number
  /** Time in which its event loop was not idle so far, ms. */
  readonly busyMs: number
}

export function ownUsage(): Usage {
  const { user, system } = process.cpuUsage()
  return { cpuMs: (user + system) / 1000, busyMs: performance.eventLoopUtilization().active }
}
