/**
 * The HTTP side of a daemon over the shop catalog, listening on a free port.
 */
import type { FastifyInstance } from 'fastify'
import { createHttp } from '../../src/serve/http.ts'
import { createReader } from '../../src/serve/reader.ts'
import { noBackfills } from './backfills.ts'
import { noLedger } from './ledgers.ts'
import { noPush } from './pushes.ts'
import { shopCatalog } from './shop-catalog.ts'
import { onlyReads } from './fake-ports.ts'

const nowMs = Date.UTC(2024, 4, 1, 12)

export interface ShopServer {
  readonly url: string
  /** The application, to be asked without a socket. */
  readonly http: FastifyInstance
  close(): Promise<void>
}

/** User 1 has values; every other user is unseen. */
export async function openShopServer(): Promise<ShopServer> {
  const first = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])
  const read = createReader({
    ...onlyReads,
    catalog: shopCatalog,
    shards: 1,
    seed: { k0: 1, k1: 2 },
    readShards: (queries) =>
      Promise.resolve(
        queries.map(({ key, about: { features } }) => ({
          entity: first.equals(key.subarray(0, 8)) ? ('present' as const) : ('unseen' as const),
          newestNs: first.equals(key.subarray(0, 8)) ? BigInt(nowMs - 90_000) * 1_000_000n : null,
          edgeNs: BigInt(nowMs) * 1_000_000n,
          values: features.map((feature) => [3n, 1.5, null][feature]!),
          hasEvents: features.map(() => true),
        })),
      ),
    nowMs: () => nowMs,
    watermarkOf: () => ({ ms: 0, ns: 0 }),
  })
  const app = createHttp({
    catalog: shopCatalog,
    read,
    push: noPush,
    ledger: noLedger,
    backfills: noBackfills,
    status: () => ({}),
    readiness: () => ({ state: 'ready', warnings: [] }),
    nowMs: () => nowMs,
    streamPath: '/v1/stream',
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return { url, http: app, close: () => app.close() }
}
