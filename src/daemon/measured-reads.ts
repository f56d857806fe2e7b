/**
 * Reads with a stop-watch: every way to read features goes through here, and is measured once.
 */
import type { Clock } from '../base/clock.ts'
import type { Meters } from '../metrics/meters.ts'
import type { ReadPort } from '../model/contracts.ts'

export function measuredReads(
  read: ReadPort,
  meters: Pick<Meters, 'read'>,
  clock: Pick<Clock, 'monotonicMs'>,
): ReadPort {
  const measured = async <T>(name: string, answer: Promise<T>): Promise<T> => {
    const startedMs = clock.monotonicMs()
    const answered = await answer
    // A read that is answered has the name of a service that there is.
    meters.read(name, clock.monotonicMs() - startedMs)
    return answered
  }
  return {
    read: (name, keys, options) => measured(name, read.read(name, keys, options)),
    query: (name, key, options) => measured(name, read.query(name, key, options)),
  }
}
