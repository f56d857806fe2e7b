/**
 * The benches that there are.
 */
import type { Bench } from './harness.ts'
import { backfill } from './paths/backfill.ts'
import { budget } from './paths/budget.ts'
import { continuous } from './paths/continuous.ts'
import { freshness } from './paths/freshness.ts'
import { http } from './paths/http.ts'
import { ingest } from './paths/ingest.ts'
import { memory } from './paths/memory.ts'
import { peers } from './paths/peers.ts'
import { produce } from './paths/produce.ts'
import { read } from './paths/read.ts'
import { recovery } from './paths/recovery.ts'
import { scale } from './paths/scale.ts'
import { training } from './paths/training.ts'
import { windows } from './paths/windows.ts'

export const benches: readonly Bench[] = [
  ingest,
  peers,
  produce,
  read,
  http,
  freshness,
  windows,
  continuous,
  recovery,
  memory,
  backfill,
  training,
  scale,
  budget,
]
