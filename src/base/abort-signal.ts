/**
 * What stops work that takes long: an `AbortSignal`, of which the types of the package must not
 * speak. They need neither those of Node nor those of a browser.
 */

/** The part of an `AbortSignal` that is used; any such signal is one. */
export interface AbortSignalLike {
  readonly aborted: boolean
  readonly reason: unknown
  /** Throws the reason once it has stopped. */
  throwIfAborted(): void
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}
