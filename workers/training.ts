/**
 * Piscina entry of a thread that makes a part of a training set.
 */
import { guardUserCode, runUserCode } from '../src/base/user-context.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { importFeatures } from '../src/define/load.ts'
import { ofSchema } from '../src/training/of-schema.ts'
import { runPass, type PassResult, type PassTask } from '../src/training/pass.ts'
import type { PassDefinitions } from '../src/training/pool.ts'

export default async function training(
  start: PassDefinitions & { readonly task: PassTask },
): Promise<PassResult> {
  const { definitionsUrl, definitions, task } = start
  const exported = definitionsUrl === null ? definitions! : await importFromUser(definitionsUrl)
  return runPass(ofSchema(buildCatalog(exported)), task)
}

function importFromUser(url: string): Promise<readonly unknown[]> {
  guardUserCode()
  return runUserCode(importFeatures, url)
}
