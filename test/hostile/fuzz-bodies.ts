/**
 * Bodies of HTTP requests that are almost right: each is answered with features or with a code.
 */
import assert from 'node:assert/strict'
import { errorTable, type ErrorCode } from '../../src/base/errors.ts'
import { mutated, pick } from '../helpers/mutate.ts'
import { openShopServer, type ShopServer } from '../helpers/shop-server.ts'
import { corpusOf } from './corpus.ts'
import { Meter, type Extent } from './finding.ts'

const services = ['by_user', 'by_region', 'ranking', 'history', '__proto__']

/** Requests for the features of some keys. */
export const bodySeeds: readonly Uint8Array[] = [
  { keys: [{ user_id: 1 }, { user_id: '9007199254740993' }] },
  { keys: [{ user_id: '1', region: 'e\u0301u\ud83d\ude00' }] },
  { keys: [{ user_id: 1, region: '' }], leadingEdge: 'latest-event' },
  { keys: [], leadingEdge: 'wall-clock' },
  { keys: [{ user_id: 1e300, region: null }, { user_id: -0.5 }, { user_id: [[{}]] }] },
  { keys: [{ constructor: { prototype: { x: 1 } } }] },
].map((body) => Buffer.from(JSON.stringify(body)))

export async function fuzzBodies({ count, random, isOver }: Extent): Promise<Meter> {
  const meter = new Meter('body')
  const found = corpusOf('body')
  const seeds = [...bodySeeds, ...found]
  const server = await openShopServer()
  for (let n = 0; n < count && !isOver(); n++) {
    const body = found[n] ?? mutated(seeds, random)
    const service = pick(random, services)
    await meter.wait(body, () => ask(server, service, body))
  }
  await server.close()
  return meter
}

async function ask(
  { http }: ShopServer,
  service: string,
  body: Buffer | Uint8Array,
): Promise<void> {
  const { statusCode, payload } = await http.inject({
    method: 'POST',
    url: `/v1/features/${service}`,
    headers: { 'content-type': 'application/json' },
    payload: Buffer.from(body),
  })
  const answer = JSON.parse(payload) as { rows?: unknown[]; error?: { code: ErrorCode } }
  if (statusCode === 200) assert.ok(Array.isArray(answer.rows))
  else {
    const { code } = answer.error!
    assert.equal(statusCode, errorTable[code].http, payload)
    assert.ok(statusCode < 500, payload)
  }
}
