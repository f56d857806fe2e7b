/**
 * What whoever asks has to be allowed: one word for every route of HTTP and everything that a
 * session is asked for.
 *
 * Each route says it in its `config`. One that says nothing is for nobody, and a test looks for it.
 */

/**
 * `open` is for everybody, as health is; `read-metadata` is definitions and numbers; `dry-run`
 * checks events and writes nothing; `administer` is whatever shows or moves the events of others.
 */
export type Permission =
  'open' | 'read-metadata' | 'dry-run' | 'read-features' | 'write-events' | 'administer'

declare module 'fastify' {
  interface FastifyContextConfig {
    permission?: Permission
  }
}
