/**
 * The HTTP server below the application: what a peer may take of time, bytes and sockets before
 * there is a request, with TLS or without.
 *
 * Every socket ends: one that is slow with its headers or its body, that is idle, or that does not
 * read its answer. An upgrade that nobody here speaks, such as that of HTTP/2, is ignored, as HTTP
 * wants it: the request is answered as if it had not asked.
 *
 * Thread: main.
 */
import { createServer, IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import * as limits from '../base/http-limits.ts'

/** Certificate chain and private key, PEM. */
export interface TlsKeys {
  readonly cert: string
  readonly key: string
}

/** Times after which a peer that does nothing is sent away, ms. */
export interface HttpTimeouts {
  readonly headersMs: number
  readonly requestMs: number
  readonly keepAliveMs: number
  /** Without a byte in either direction. */
  readonly idleMs: number
  /** Time between two looks for requests that are late. */
  readonly checkMs: number
}

export const standardTimeouts: HttpTimeouts = {
  headersMs: limits.httpHeadersTimeoutMs,
  requestMs: limits.httpRequestTimeoutMs,
  keepAliveMs: limits.httpKeepAliveMs,
  idleMs: limits.httpIdleMs,
  checkMs: limits.httpCheckMs,
}

/** A server that does not listen yet. */
export function createHttpServer(
  handler: RequestListener,
  { timeouts, tls }: { readonly timeouts: HttpTimeouts; readonly tls: TlsKeys | null },
): Server {
  const options = {
    IncomingMessage: Request,
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    connectionsCheckingInterval: timeouts.checkMs,
    maxHeaderSize: limits.httpHeaderBytesMax,
    // It is asked for by the application (`http-guard.ts`), which says so.
    requireHostHeader: false,
  }
  const server =
    tls === null
      ? createServer(options, handler)
      : createTlsServer(
          { ...options, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: timeouts.headersMs },
          handler,
        )
  // Node would refuse it without a word; so does the application, with one.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  server.setTimeout(timeouts.idleMs)
  return server
}

/**
 * A request that asks for an upgrade only when it asks for a WebSocket. Node sets and reads the
 * property, and hands every request that has it to whoever listens for upgrades; it offers no other
 * way to say which of them are meant.
 */
class Request extends IncomingMessage {
  asksUpgrade = false

  get upgrade(): boolean {
    // Node closes the socket of a CONNECT that nobody listens for.
    const isMeant = this.method === 'CONNECT' || this.headers.upgrade?.toLowerCase() === 'websocket'
    return this.asksUpgrade && isMeant
  }

  set upgrade(asks: boolean | null) {
    this.asksUpgrade = asks === true
  }
}
