/**
 * The doors of the daemon: HTTP, and WebSocket on the same port.
 */
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { KeyRing } from '../access/key-ring.ts'
import type { Clock } from '../base/clock.ts'
import { addDialects } from '../compat/dialects.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { BackfillPort } from '../model/backfill.ts'
import type { Catalog } from '../model/catalog.ts'
import type { IngestPort, PushPort, ReadPort } from '../model/contracts.ts'
import type { VerifyPort } from '../model/certificate.ts'
import type { LedgerPort } from '../model/ledger.ts'
import { addVerify } from '../serve/http-verify.ts'
import { assertReady, assertServing, createHttp, type Readiness } from '../serve/http.ts'
import { addMetrics } from '../serve/http-metrics.ts'
import { streamPath } from '../wire/protocol.ts'
import { attachIngest, type IngestServer } from '../wire/websocket.ts'
import { socketBounds } from './descriptors.ts'
import { routesOf, type HttpRoutes } from './http-routes.ts'
import type { Listening } from './listening.ts'
import { connectionSights } from './numbers.ts'
import type { MillraceLog } from '../base/log-port.ts'

interface Ports {
  readonly ingest: IngestPort
  readonly push: PushPort
  readonly read: ReadPort
  readonly backfills: BackfillPort
}

export interface Doors {
  readonly url: string
  readonly http: FastifyInstance
  /** For whoever is within the process. */
  readonly routes: HttpRoutes
  readonly wire: IngestServer
  /** Cuts every connection; resolves when nothing listens any more. */
  close(): Promise<void>
}

export interface DoorsOptions {
  readonly catalog: Catalog
  readonly ports: Ports
  readonly ledger: LedgerPort
  readonly verification: VerifyPort
  readonly status: () => object
  readonly metrics: Metrics
  readonly readiness: () => Readiness
  readonly clock: Clock
  readonly log: MillraceLog
  readonly listening: Listening
  readonly access: KeyRing
  readonly incarnation: string
}

/**
 * Listens; what is open is closed again when that fails.
 *
 * @throws errors of the system, such as a port in use, as they are.
 */
export async function openDoors(options: DoorsOptions): Promise<Doors> {
  const { catalog, ports, ledger, readiness, clock, log, listening, access } = options
  const { address: host, port, admission, tls } = listening
  const nowMs = (): number => clock.nowMs()
  const bounds = socketBounds()
  let dropped = 0
  const connections = (): object => ({
    open: wire.connections,
    closes: Object.fromEntries(wire.closes),
    refusals: Object.fromEntries(wire.refusals),
    dropped,
  })
  const status = (): object => ({ ...options.status(), connections: connections() })
  const routes = { status, readiness, nowMs, log, streamPath, admission, access, tls }
  const http = createHttp({ ...ports, catalog, ledger, ...routes })
  addMetrics(http, options.metrics)
  addVerify(http, options.verification)
  const assertions = {
    assertReady: () => assertReady(readiness()),
    assertServing: () => assertServing(readiness()),
  }
  addDialects(http, { ...ports, ...assertions, catalog, clock, log })
  http.server.maxConnections = bounds.sockets
  http.server.on('drop', () => {
    dropped += 1
  })
  const about = {
    server: http.server,
    catalog,
    ports,
    log,
    name: 'millrace/0.1.0',
    admission,
    access,
    incarnation: options.incarnation,
  }
  const wire = attachIngest({ ...about, limits: { connectionsMax: bounds.webSockets } })
  options.metrics.add(connectionSights(wire, () => dropped))
  access.watch()
  const close = async (): Promise<void> => {
    access.stop()
    wire.close()
    await http.close()
  }
  try {
    await http.listen({ host, port })
  } catch (thrown) {
    await close()
    throw thrown
  }
  const url = urlOf(http.server.address() as AddressInfo, tls !== null)
  log.info({ url }, 'listening')
  return { url, http, routes: routesOf(http, access.ownKey), wire, close }
}

function urlOf({ address, family, port }: AddressInfo, hasTls: boolean): string {
  const host = family === 'IPv6' ? `[${address}]` : address
  return `${hasTls ? 'https' : 'http'}://${host}:${port}`
}
