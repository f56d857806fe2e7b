/**
 * A daemon with somebody in it whom a hostile neighbour must not harm: who publishes, reads and
 * looks at the log after each thing that was done to the daemon.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { ManualClock } from '../../src/base/clock.ts'
import type { MillraceOptions } from '../../src/daemon/options.ts'
import { readHttp, startDaemon } from './daemons.ts'
import { RawPeer } from './raw-peer.ts'

export const noonMs = Date.UTC(2026, 2, 1, 12)

/** A good order; user 7 is the bystander's. */
export function orderOf(user_id: number, more: object = {}) {
  return { user_id, store: 'a', at: noonMs - 1000, amount: 1, ...more }
}

/** What every hostile value carries, and no log line may show. */
export const marker = 's3cret'

export interface Besieged {
  readonly url: string
  readonly port: number
  readonly log: readonly string[]
  /** Asserts that the daemon is well, that the bystander loses nothing, and that logs are clean. */
  check(): Promise<void>
}

/** Starts a daemon at noon with a bystander in it. */
export async function besiege(
  t: TestContext,
  options: Partial<MillraceOptions> = {},
): Promise<Besieged> {
  const log: string[] = []
  const daemon = await startDaemon(t, {
    clock: new ManualClock(noonMs),
    log: pino({ level: 'info' }, { write: (line) => log.push(line) }),
    ...options,
  })
  const { url } = daemon
  const { peer } = await RawPeer.open(t, url, 'bystander')
  let published = 0
  let clean = 0
  return {
    url,
    port: Number(new URL(url).port),
    log,
    check: async () => {
      peer.publish('orders', published, [orderOf(7)])
      const { upTo, duplicates, rejects } = await peer.acked(published)
      assert.deepEqual(
        { upTo, duplicates, rejects },
        { upTo: published, duplicates: 0, rejects: [] },
      )
      published += 1
      assert.equal((await fetch(`${url}/healthz`)).status, 200)
      const [row] = await readHttp(url, 'user_orders', { user_id: 7 })
      assert.equal(row!.values['orders_30d'], String(published))
      for (const line of log.slice(clean)) assertClean(line)
      clean = log.length
    },
  }
}

/** No secret, and in no text a character that a terminal obeys, but for the lines of a stack. */
function assertClean(line: string): void {
  assert.ok(!line.includes(marker), line)
  JSON.parse(line, (name, value: unknown) => {
    // oxlint-disable-next-line no-control-regex
    if (name !== 'stack') assert.doesNotMatch(String(value), /[\u0000-\u001f\u007f-\u009f\u202e]/)
    return value
  })
}
