/**
 * The options of `millrace training-set` that have defaults.
 */
import { availableParallelism } from 'node:os'
import { shardsMax } from './limits.ts'
import { parseSize, parseWhole, type Given, type OptionTable } from './option.ts'

/** Memory that sorting may use, bytes: less would be spent on the threads alone. */
const memoryBytesMin = 64 * 1024 * 1024

export const trainingOptions = {
  threads: {
    flag: 'threads',
    variable: 'MILLRACE_TRAINING_THREADS',
    placeholder: 'N',
    standard: () => Math.min(availableParallelism(), shardsMax),
    description: 'Threads that make the set; the default is one for each core.',
    parse: (given: Given) => parseWhole(given, 1, shardsMax),
  },
  memoryBytesMax: {
    flag: 'memory',
    variable: 'MILLRACE_TRAINING_MEMORY',
    placeholder: 'SIZE',
    standard: () => '1GiB',
    description: 'Memory for sorting, all threads together; more goes to temporary files.',
    parse: (given: Given) => parseSize(given, memoryBytesMin),
  },
} as const satisfies OptionTable
