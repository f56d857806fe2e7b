/**
 * Piscina entry of a thread that makes a part of a training set.
 */
import { MillraceError } from '../src/base/errors.ts'
import { guardUserCode, runUserCode } from '../src/base/user-context.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { importFeatures } from '../src/define/load.ts'
import { ofSchema } from '../src/training/of-schema.ts'
import { runPass, type PassTask } from '../src/training/pass.ts'
import type { PassAnswer, PassDefinitions } from '../src/training/pool.ts'

export default async function training(
  start: PassDefinitions & { readonly task: PassTask },
): Promise<PassAnswer> {
  const { definitionsUrl, definitions, task } = start
  const exported = definitionsUrl === null ? definitions! : await importFromUser(definitionsUrl)
  try {
    return { result: await runPass(ofSchema(buildCatalog(exported)), task) }
  } catch (thrown) {
    if (!(thrown instanceof MillraceError)) throw thrown
    const { code, details } = thrown
    return { refused: { code, details } }
  }
}

function importFromUser(url: string): Promise<readonly unknown[]> {
  guardUserCode()
  return runUserCode(importFeatures, url)
}
