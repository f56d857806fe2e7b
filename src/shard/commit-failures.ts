/**
 * What lmdb says of a failed commit beside what it tells those who wait for it.
 *
 * It rejects promises that nobody has been given: in a thread that is its end, before what waits
 * can say why. The store would be opened again by another thread as if nothing was wrong with it,
 * and a second opening of what has failed within the process corrupts its memory.
 */

/** In this thread, lets pass what is said twice; whatever else nobody hears ends it as ever. */
export function hearCommitFailures(): void {
  const causes = new WeakSet<Promise<unknown>>()
  process.on('unhandledRejection', (thrown: unknown, promise) => {
    // It comes after the failures that name it as their cause.
    if (causes.has(promise)) return
    if (!isCommitFailure(thrown)) throw thrown
    causes.add(thrown.commitError)
    thrown.commitError.catch(() => undefined)
  })
}

function isCommitFailure(thrown: unknown): thrown is { readonly commitError: Promise<unknown> } {
  return thrown instanceof Error && 'commitError' in thrown && thrown.commitError instanceof Promise
}
