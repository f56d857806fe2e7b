/**
 * Entry of a process that counts the journal again and compares: it asks the daemon what is served,
 * says what it has found, and ends.
 */
import { setPriority } from 'node:os'
import { MillraceError } from '../src/base/errors.ts'
import { guardUserCode, runUserCode } from '../src/base/user-context.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { importFeatures } from '../src/define/load.ts'
import type { Served } from '../src/verify/answer.ts'
import { verify, type Ask, type VerifyTask } from '../src/verify/verify.ts'

interface VerifyMessage {
  /** The definitions, as a lane has them. */
  readonly definitionsUrl: string | null
  readonly definitions: readonly unknown[] | null
  readonly task: VerifyTask
}

interface AnswerMessage {
  readonly id: number
  readonly served?: Served
  readonly failure?: string
}

/** Above that of everything that somebody waits for. */
const priority = 10

const waiting = new Map<number, (answer: AnswerMessage) => void>()

process.once('disconnect', () => process.exit())
process.once('message', (message: VerifyMessage) => {
  process.on('message', (answer: AnswerMessage) => waiting.get(answer.id)!(answer))
  void work(message).then(() => process.disconnect())
})

async function work({ definitionsUrl, definitions, task }: VerifyMessage): Promise<void> {
  setPriority(priority)
  const exported = definitionsUrl === null ? definitions! : await importFromUser(definitionsUrl)
  const outcome = await verify(buildCatalog(exported), task, ask).then(
    (verified) => ({ kind: 'verified', verified }),
    refusal,
  )
  await new Promise((resolve) => {
    process.send!(outcome, resolve)
  })
}

/** An error loses on its way what it is; one that is not ours ends the process. */
function refusal(thrown: unknown) {
  if (!(thrown instanceof MillraceError)) throw thrown
  const { code, details } = thrown
  return { kind: 'refused', code, details }
}

const ask: Ask = (view, keys) => {
  const id = waiting.size
  process.send!({ kind: 'ask', id, view, keys })
  return new Promise((resolve, reject) => {
    waiting.set(id, ({ served, failure }) => {
      if (served === undefined) reject(new Error(failure))
      else resolve(served)
    })
  })
}

function importFromUser(url: string): Promise<readonly unknown[]> {
  guardUserCode()
  return runUserCode(importFeatures, url)
}
