/**
 * The doors of the daemon: HTTP, and WebSocket on the same port.
 */
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Clock } from '../base/clock.ts'
import type { Catalog } from '../model/catalog.ts'
import type { IngestPort, ReadPort } from '../model/contracts.ts'
import { createHttp, type Readiness } from '../serve/http.ts'
import { streamPath } from '../wire/protocol.ts'
import { attachIngest, type IngestServer } from '../wire/websocket.ts'

export interface Doors {
  readonly url: string
  readonly http: FastifyInstance
  readonly wire: IngestServer
}

export async function openDoors(options: {
  readonly catalog: Catalog
  readonly ports: { readonly ingest: IngestPort; readonly read: ReadPort }
  readonly status: () => object
  readonly readiness: () => Readiness
  readonly clock: Clock
  readonly log: Logger
  readonly host: string
  readonly port: number
}): Promise<Doors> {
  const { catalog, ports, status, readiness, clock, log, host, port } = options
  const nowMs = (): number => clock.nowMs()
  const http = createHttp({ catalog, read: ports.read, status, readiness, nowMs, log, streamPath })
  const name = 'millrace/0.1.0'
  const wire = attachIngest({ server: http.server, catalog, ports, log, name })
  await http.listen({ host, port })
  const address = http.server.address() as AddressInfo
  const named = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return { url: `http://${named}:${address.port}`, http, wire }
}
