/**
 * Piscina entry of a shard thread: loads the definitions and runs one lane until it is closed.
 */
import type { MessagePort } from 'node:worker_threads'
import { guardUserCode, runUserCode } from '../src/base/user-context.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { importFeatures } from '../src/define/load.ts'
import type { LaneStart } from '../src/model/message.ts'
import { hearCommitFailures } from '../src/shard/commit-failures.ts'
import { runLane } from '../src/shard/lane.ts'

hearCommitFailures()

export default async function shard(task: { start: LaneStart; port: MessagePort }): Promise<void> {
  const { definitionsUrl, definitions } = task.start
  const exported = definitionsUrl === null ? definitions! : await importFromUser(definitionsUrl)
  // What it fails with it tells by its port, with a code; the end of a task has none.
  await runLane(task.start, buildCatalog(exported), task.port).catch(() => undefined)
}

function importFromUser(url: string): Promise<readonly unknown[]> {
  guardUserCode()
  return runUserCode(importFeatures, url)
}
