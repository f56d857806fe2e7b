/**
 * The options of `millrace training-set` that have defaults.
 */
import { availableParallelism } from 'node:os'
import { trainingMemoryBytesMin } from './batch-limits.ts'
import { shardsMax } from './limits.ts'
import { parseSize, parseWhole, type Given, type OptionTable } from './option.ts'

export const trainingOptions = {
  threads: {
    flag: 'threads',
    variable: 'MILLRACE_TRAINING_THREADS',
    placeholder: 'N',
    standard: () => Math.min(availableParallelism(), shardsMax),
    description: 'Threads that make the set, at most one for each 256 MiB of memory.',
    parse: (given: Given) => parseWhole(given, 1, shardsMax),
  },
  memoryBytesMax: {
    flag: 'memory',
    variable: 'MILLRACE_TRAINING_MEMORY',
    placeholder: 'SIZE',
    standard: () => '1GiB',
    description: 'Memory for sorting, all threads together; more goes to temporary files.',
    parse: (given: Given) => parseSize(given, trainingMemoryBytesMin),
  },
} as const satisfies OptionTable
