/**
 * What lmdb says of a failed commit beside what it tells those who wait for it.
 *
 * It rejects promises that nobody has been given: in a thread that is its end, before what waits
 * can say why. The store would be opened again by another thread as if nothing was wrong with it,
 * and a second opening of what has failed within the process corrupts its memory.
 */
import { judgeStrays } from '../base/strays.ts'

/** From now on, what is said twice of a failed commit does not end this thread. */
export function hearCommitFailures(): void {
  const causes = new WeakSet<Promise<unknown>>()
  judgeStrays(({ thrown, promise }) => {
    // It comes after the failures that name it as their cause.
    if (promise !== undefined && causes.has(promise)) return true
    if (!isCommitFailure(thrown)) return false
    causes.add(thrown.commitError)
    thrown.commitError.catch(() => undefined)
    return true
  })
}

function isCommitFailure(thrown: unknown): thrown is { readonly commitError: Promise<unknown> } {
  return thrown instanceof Error && 'commitError' in thrown && thrown.commitError instanceof Promise
}
