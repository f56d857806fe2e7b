/**
 * What whoever asks has to be allowed: one word for every route of HTTP and everything that a
 * session is asked for.
 *
 * Each route says its word in its `config`. Both doors find out who asks by the headers, and what
 * they get is asked again for every request, batch and read: a key may be revoked meanwhile.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { MillraceError } from '../base/errors.ts'

/**
 * `open` is for everybody, as health is; `read-metadata` is definitions and numbers; `dry-run`
 * checks events and writes nothing; `administer` is whatever shows or moves the events of others.
 */
export type Permission =
  'open' | 'read-metadata' | 'dry-run' | 'read-features' | 'write-events' | 'administer'

/** The one source or service that it is about. */
export type Target = { readonly source: string } | { readonly service: string }

/** What somebody may do. */
export interface Grant {
  /** Whose it is: the id of an API key; empty for whoever comes without one. */
  readonly owner: string
  /**
   * Why it may not be done; null when it may.
   *
   * @param target  Without one, what may be done to any target may be done.
   * @returns `UNAUTHORIZED` when nobody knows who asks, any more; else `FORBIDDEN`.
   */
  refusal(permission: Permission, target?: Target): MillraceError | null
}

/** Who is let in. */
export interface AccessPort {
  /** What whoever sends these headers may do; of a stranger, nothing that is not open. */
  grantOf(headers: IncomingHttpHeaders): Grant
}

/** `WWW-Authenticate` of a 401; clients of the hosted platform have a scheme of their own. */
export const challenge = 'Bearer realm="millrace", Tecton-key realm="millrace"'

/** For whoever is within the process. */
export const everything: Grant = { owner: '', refusal: () => null }

/** Where nobody is asked for anything. */
export const openAccess: AccessPort = { grantOf: () => everything }

declare module 'fastify' {
  interface FastifyContextConfig {
    permission?: Permission
  }
  interface FastifyRequest {
    /** What whoever asks may do; each handler asks it about the source or service it is told. */
    grant: Grant
  }
}
