/**
 * Daemons in this process for tests: in directories that go when the test ends, on free ports.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { MillraceClient } from '../../src/client/client.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import type { MillraceOptions } from '../../src/daemon/options.ts'
import { startMillrace } from '../../src/daemon/start.ts'
import * as orders from '../fixtures/orders.ts'
import { root } from './repository.ts'

/** Definitions without a transform. */
export const plain = Object.values(orders)

/** A features file with transforms. */
export const cartsFile = join(root, 'test/fixtures/carts.ts')

export async function temporaryDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-test-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Starts a small daemon; it is closed when the test ends. */
export async function startDaemon(
  t: TestContext,
  options: Partial<MillraceOptions> = {},
): Promise<Millrace> {
  const dataDir = options.dataDir ?? (await temporaryDir(t))
  const standard = { features: plain, shards: 4, threads: 1 }
  const daemon = await startMillrace({ ...standard, ...options, dataDir })
  t.after(() => daemon.close().catch(() => {}))
  return daemon
}

/** A client that is closed when the test ends. */
export function connect(t: TestContext, url: string, producer?: string): MillraceClient {
  const client = new MillraceClient({ url, ...(producer === undefined ? {} : { producer }) })
  t.after(() => client.close())
  return client
}

export interface HttpRow {
  readonly values: Readonly<Record<string, unknown>>
  readonly states: Readonly<Record<string, string>>
  readonly freshness: Readonly<Record<string, { newest: string | null; edge: string }>>
}

/** Reads keys over HTTP. */
export async function readHttp(
  url: string,
  service: string,
  ...keys: readonly object[]
): Promise<HttpRow[]> {
  const response = await fetch(`${url}/v1/features/${service}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ keys }),
  })
  const body = (await response.json()) as { rows: HttpRow[] }
  assert.equal(response.status, 200, JSON.stringify(body))
  return body.rows
}
