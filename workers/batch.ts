/**
 * Entry of a thread that reads a batch source: loads the definitions and hands out its rows.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { guardUserCode, runUserCode } from '../src/base/user-context.ts'
import { serveBatch } from '../src/batch/serve.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { importFeatures } from '../src/define/load.ts'
import type { BatchStart } from '../src/model/batch-messages.ts'

const { definitionsUrl, definitions, request } = workerData as BatchStart
const exported = definitionsUrl === null ? definitions! : await importFromUser(definitionsUrl)
await serveBatch(buildCatalog(exported), request, parentPort!)

function importFromUser(url: string): Promise<readonly unknown[]> {
  guardUserCode()
  return runUserCode(importFeatures, url)
}
