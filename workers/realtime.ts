/**
 * Piscina entry of a thread of realtime views: loads the definitions once, and computes rows.
 */
import { guardUserCode, runUserCode } from '../src/base/user-context.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { importFeatures } from '../src/define/load.ts'
import type { RealtimeOutcome } from '../src/model/contracts.ts'
import {
  createRealtimeComputer,
  type RealtimeComputer,
  type RealtimeTask,
} from '../src/realtime/task.ts'

let computer: Promise<RealtimeComputer> | null = null

export default async function realtime({
  definitionsUrl,
  view,
  rows,
}: RealtimeTask): Promise<readonly RealtimeOutcome[]> {
  computer ??= load(definitionsUrl)
  return (await computer)(view, rows)
}

async function load(definitionsUrl: string): Promise<RealtimeComputer> {
  guardUserCode()
  return createRealtimeComputer(buildCatalog(await runUserCode(importFeatures, definitionsUrl)))
}
