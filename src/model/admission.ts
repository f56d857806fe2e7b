/**
 * Who may ask at all: what both doors look at before they look at anything else of a request.
 *
 * A browser runs pages of strangers on machines that reach the daemon. It tells whose page is
 * asking (`Origin`), and by which name the page has found us (`Host`). A page that lets its own
 * name point to our address asks by that name; an address or `localhost` cannot be taken over so.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { MillraceError } from '../base/errors.ts'
import { httpHeadersMax } from '../base/http-limits.ts'

export interface Admission {
  /** Origins of web pages that may ask, such as `https://shop.example`. */
  readonly allowedOrigins: readonly string[]
  /** Names by which we may be asked, beside addresses and `localhost`; null when any may be. */
  readonly hostNames: readonly string[] | null
}

/** No page of anybody's, and any name. */
export const standardAdmission: Admission = { allowedOrigins: [], hostNames: null }

/** What is looked at of a request. */
export interface Asked {
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[]
}

/** Why a request is not admitted; null when it is. */
export function admissionRefusal(
  { headers, rawHeaders }: Asked,
  { allowedOrigins, hostNames }: Admission,
): MillraceError | null {
  if (rawHeaders.length > 2 * httpHeadersMax) {
    const reason = `has more than ${httpHeadersMax} headers`
    return new MillraceError('REQUEST_INVALID', { path: 'request', reason })
  }
  const { host, origin } = headers
  if (hostNames !== null && host !== undefined && !isOurs(host, hostNames)) {
    return new MillraceError('HOST_UNKNOWN', { host })
  }
  // Software outside of browsers sends no Origin.
  if (origin !== undefined && !allowedOrigins.includes(origin)) {
    return new MillraceError('FORBIDDEN_ORIGIN')
  }
  return null
}

/** The name in an origin: where its pages come from, we may be behind the same name. */
export function hostOfOrigin(origin: string): string {
  return new URL(origin).hostname
}

function isOurs(host: string, hostNames: readonly string[]): boolean {
  const name = host.toLowerCase().replace(/:\d*$/, '')
  const address = name.replace(/^\[(.*)\]$/, '$1')
  return isIP(address) !== 0 || name === 'localhost' || hostNames.includes(name)
}
