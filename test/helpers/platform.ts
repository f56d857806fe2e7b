/**
 * A daemon with the definitions of `fixtures/platform.ts`, asked over HTTP as the hosted platform
 * is.
 */
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import { transactions } from '../fixtures/platform.ts'
import { startDaemon } from './daemons.ts'
import { root } from './repository.ts'

/** A file: it has functions. */
const features = join(root, 'test/fixtures/platform.ts')

export interface Reply {
  readonly status: number
  readonly body: unknown
}

export interface Platform {
  readonly url: string
  readonly daemon: Millrace
  readonly clock: ManualClock
  /** An object is sent as JSON, text as it is; neither says what it is. */
  readonly post: (path: string, body: unknown, key?: string) => Promise<Reply>
  readonly get: (path: string) => Promise<Reply>
  /** One transaction. */
  readonly pay: (at: string, amt: number, more?: object) => Promise<void>
}

/** @param dataDir  One with API keys, for whoever asks by them. @defaultValue a new one */
export async function startPlatform(
  t: TestContext,
  now: string,
  dataDir?: string,
): Promise<Platform> {
  const clock = new ManualClock(Date.parse(now))
  const daemon = await startDaemon(t, { features, clock, ...(dataDir && { dataDir }) })
  const { url } = daemon
  const ask = async (path: string, init: RequestInit): Promise<Reply> => {
    const response = await fetch(`${url}${path}`, init)
    return { status: response.status, body: await response.json() }
  }
  return {
    url,
    daemon,
    clock,
    get: (path) => ask(path, {}),
    post: (path, body, key) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      // Bytes, so that no content type is added.
      const headers = key === undefined ? {} : { authorization: key }
      return ask(path, { method: 'POST', body: Buffer.from(text), headers })
    },
    pay: async (at, amt, more = {}) => {
      const event = { user_id: 'u1', cust_id: 1, merchant_id: 7, transaction_id: `t at ${at}` }
      const { rejected } = await daemon.ingest(transactions, [
        { ...event, timestamp: at, amt, ...more },
      ])
      if (rejected.length > 0) throw new Error(rejected[0]!.message)
    },
  }
}
