/**
 * Piscina entry of a thread that makes a part of a training set.
 */
import { MillraceError } from '../src/base/errors.ts'
import { guardUserCode, runUserCode } from '../src/base/user-context.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { importFeatures } from '../src/define/load.ts'
import { ofSchema } from '../src/training/of-schema.ts'
import { runPass } from '../src/training/pass.ts'
import type { PassAnswer, PassStart } from '../src/training/pool.ts'

export default async function training(start: PassStart): Promise<PassAnswer> {
  const { definitionsUrl, definitions, task, stop } = start
  const stopping = new AbortController()
  stop.once('message', () => stopping.abort(new Error('the pass is stopped')))
  try {
    const exported = definitionsUrl === null ? definitions! : await importFromUser(definitionsUrl)
    return { result: await runPass(ofSchema(buildCatalog(exported)), task, stopping.signal) }
  } catch (thrown) {
    if (!(thrown instanceof MillraceError)) throw thrown
    const { code, details } = thrown
    return { refused: { code, details } }
  } finally {
    stop.close()
  }
}

function importFromUser(url: string): Promise<readonly unknown[]> {
  guardUserCode()
  return runUserCode(importFeatures, url)
}
