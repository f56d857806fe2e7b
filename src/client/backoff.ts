/**
 * How long to wait before the next attempt to connect: exponential, with full jitter.
 *
 * Full jitter spreads the clients of a restarted server evenly over the whole delay.
 *
 * @see Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015
 */

/** Upper bound of the first delay, ms. */
const backoffMsMin = 100

/** Upper bound of every delay, ms. */
export const backoffMsMax = 30_000

/**
 * The delay before an attempt, ms.
 *
 * @param failures  Attempts that have failed in a row, from 1.
 * @param random  Uniform in [0, 1).
 */
export function backoffMs(failures: number, random: number): number {
  const doublings = Math.min(failures - 1, 20)
  return random * Math.min(backoffMsMax, backoffMsMin * 2 ** doublings)
}
