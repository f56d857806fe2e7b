/**
 * What user code begins and nobody waits for: a promise that is rejected, a timer that throws.
 *
 * An event that makes a function of a features file leave such a thing behind would end its thread,
 * and again at every replay. So user code runs in an asynchronous context of its own, and what
 * fails in it later is told as a warning; what fails anywhere else ends the thread as it always
 * did. Thread: any; each has its own.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { printable, reasonOf } from './errors.ts'
import { judgeStrays, type Stray } from './strays.ts'

const userCode = new AsyncLocalStorage<true>()

let isGuarded = false
let isWarned = false

/** Calls a function of a features file, or one of ours that calls such functions. */
export function runUserCode<Args extends unknown[], R>(
  run: (...args: Args) => R,
  ...args: Args
): R {
  return userCode.run(true, run, ...args)
}

/** From now on, what user code has left behind does not end this thread. */
export function guardUserCode(): void {
  isGuarded = true
  judgeStrays(isOfUserCode)
}

/** Whether what has just failed, and nobody waits for, is user code's, and has been told. */
export function isLeftByUserCode(): boolean {
  return isGuarded && userCode.getStore() === true
}

/** The reason of whatever user code threw, even if looking at it throws again. */
export function reasonOfThrown(thrown: unknown): string {
  try {
    // The message of an error may be anything, too.
    const reason: unknown = reasonOf(thrown)
    return String(reason)
  } catch {
    return 'an object without a message'
  }
}

function isOfUserCode({ thrown }: Stray): boolean {
  if (userCode.getStore() !== true) return false
  if (isWarned) return true
  isWarned = true
  const reason = printable(reasonOfThrown(thrown))
  process.emitWarning(
    `A function of the features file has left something behind that failed: ${reason}. ` +
      'Nobody waits for it; transforms and post-processors are plain functions. ' +
      'This is told once per thread.',
    { type: 'MillraceWarning', code: 'USER_CODE_STRAY' },
  )
  return true
}
