/**
 * The benches that there are.
 */
import type { Bench } from './harness.ts'
import { continuous } from './paths/continuous.ts'
import { ingest } from './paths/ingest.ts'
import { produce } from './paths/produce.ts'
import { windows } from './paths/windows.ts'

export const benches: readonly Bench[] = [ingest, produce, windows, continuous]
import { peers } from './paths/peers.ts'
import { windows } from './paths/windows.ts'

export const benches: readonly Bench[] = [ingest, peers, windows, continuous]
