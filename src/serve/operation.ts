/**
 * What a route takes and answers, as it says beside its handler; `openapi.ts` puts the document
 * together from all of them.
 */
import type { Schema } from './json-schema.ts'

/** What a route does, for the document. */
export interface Operation {
  readonly summary: string
  /** Members of the query string; none has to be there. @defaultValue none */
  readonly query?: Readonly<Record<string, Schema>>
  /** By media type. @defaultValue no body */
  readonly body?: Readonly<Record<string, Schema>>
  /** Of a request that is carried out, by media type. */
  readonly answer: Readonly<Record<string, Schema>>
  /** Of every other status. @defaultValue as all of our own routes refuse */
  readonly refusal?: Schema
}

declare module 'fastify' {
  interface FastifyContextConfig {
    openapi?: Operation
  }
}

/** A schema of JSON, as the one media type. */
export function json(schema: Schema): Readonly<Record<string, Schema>> {
  return { 'application/json': schema }
}
