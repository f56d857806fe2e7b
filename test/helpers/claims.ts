/**
 * Claims about types, for tests whose judge is the compiler.
 */

/** Whether two types are the same. */
export type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only when the type argument is `true`. */
export function holds<_Claim extends true>(): void {}
