/**
 * What the main thread is told when a lane has failed. An error loses its class on the way between
 * threads, so its code and details travel as data.
 */
import { MillraceError, reasonOf } from '../base/errors.ts'
import type { FromShard } from '../model/message.ts'

/** A code says more than that the lane has failed, if there is one. */
export function failedBy(thrown: unknown): FromShard {
  const isOurs = thrown instanceof MillraceError
  const error = isOurs ? { code: thrown.code, details: thrown.details } : null
  return { kind: 'failed', reason: reasonOf(thrown), error }
}

/** Throws what a checkpoint that was not written is: our own error, or `CHECKPOINT_FAILED`. */
export function checkpointFailed(shard: number): (thrown: unknown) => never {
  return (thrown) => {
    if (thrown instanceof MillraceError) throw thrown
    const details = { shard, reason: reasonOf(thrown) }
    throw new MillraceError('CHECKPOINT_FAILED', details, { cause: thrown })
  }
}

/** What was thrown as an error that can be sent: its message and its stack. */
export function plainFailure(thrown: unknown): Error {
  const failure = new Error(reasonOf(thrown))
  if (thrown instanceof Error && thrown.stack !== undefined) failure.stack = thrown.stack
  return failure
}
