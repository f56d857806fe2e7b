/**
 * What fails in a thread and nobody waits for: a promise that is rejected, a timer that throws.
 *
 * It ends the thread, unless a judge knows it. One listener asks all judges: each of several
 * listeners would end what another one knows. Thread: any; each has its own.
 */

/** A failure that nobody waits for; `promise` is undefined where it was thrown by a callback. */
export interface Stray {
  readonly thrown: unknown
  readonly promise: Promise<unknown> | undefined
}

const judges = new Set<(stray: Stray) => boolean>()

/** From now on, what `isKnown` says of a stray decides whether it ends this thread. */
export function judgeStrays(isKnown: (stray: Stray) => boolean): void {
  if (judges.size === 0) {
    process.on('unhandledRejection', (thrown: unknown, promise) =>
      judge('unhandledRejection', { thrown, promise }),
    )
    process.on('uncaughtException', (thrown: unknown) =>
      judge('uncaughtException', { thrown, promise: undefined }),
    )
  }
  judges.add(isKnown)
}

function judge(event: 'unhandledRejection' | 'uncaughtException', stray: Stray): void {
  for (const isKnown of judges) if (isKnown(stray)) return
  // Without this listener, and with no other, it would have ended the thread.
  if (process.listenerCount(event) === 1) throw stray.thrown
}
