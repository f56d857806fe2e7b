/**
 * What the process takes of its machine, under the names that Prometheus's own clients use.
 */
import { systemClock } from '../base/clock.ts'
import type { Sight } from './sights.ts'

const startedSeconds = systemClock.nowMs() / 1000

export const processSights: readonly Sight[] = [
  {
    name: 'process_cpu_seconds_total',
    help: 'Processor time of all threads, in user and system mode.',
    kind: 'counter',
    labels: [],
    look: () => {
      const { user, system } = process.cpuUsage()
      return [{ labels: {}, value: (user + system) / 1e6 }]
    },
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Memory that the process has in use.',
    kind: 'gauge',
    labels: [],
    look: () => [{ labels: {}, value: process.memoryUsage.rss() }],
  },
  {
    name: 'process_start_time_seconds',
    help: 'When the process was started, since 1970.',
    kind: 'gauge',
    labels: [],
    look: () => [{ labels: {}, value: startedSeconds }],
  },
]
