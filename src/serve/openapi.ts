/**
 * The OpenAPI document of the daemon, put together from its routes as they are added: each says
 * beside its handler what it takes and answers (`Operation`), and none can be left out.
 */
import type { FastifyInstance, RouteOptions } from 'fastify'
import { requires } from './http-access.ts'
import { object, openObject, oneOf, text, type Schema } from './json-schema.ts'
import { json, type Operation } from './operation.ts'

const ourRefusal = openObject({
  error: object({ code: text, message: text, retry: oneOf('never', 'backoff') }),
})

/** Describes itself. */
const document: Operation = {
  summary: 'This document',
  answer: json(openObject({ openapi: text, info: openObject({}), paths: openObject({}) })),
}

/** Hears of every route that is added from here on, and serves the document. */
export function addOpenapi(app: FastifyInstance, path: string): void {
  const paths: Record<string, Record<string, object>> = {}
  app.addHook('onRoute', (route) => {
    // HEAD goes wherever GET does; a list of methods is of those that a path refuses.
    if (typeof route.method !== 'string' || route.method === 'HEAD') return
    const operations = (paths[route.url.replaceAll(/:(\w+)/g, '{$1}')] ??= {})
    operations[route.method.toLowerCase()] = operationOf(route)
  })
  const whole = {
    openapi: '3.1.0',
    info: { title: 'Millrace', version: '0.1.0' },
    paths,
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
  }
  app.get(path, requires('open', document), () => whole)
}

function operationOf({ url, config }: RouteOptions): object {
  const { permission, openapi } = config ?? {}
  const { summary = '', query = {}, body, answer = {}, refusal = ourRefusal } = openapi ?? {}
  const inPath = [...url.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: text,
  }))
  const inQuery = Object.entries(query).map(([name, schema]) => ({ name, in: 'query', schema }))
  return {
    summary,
    parameters: [...inPath, ...inQuery],
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    responses: {
      '2XX': { description: 'As asked for', content: contentOf(answer) },
      default: { description: 'Refused', content: contentOf(json(refusal)) },
    },
    ...(permission === 'open' ? {} : { security: [{ key: [] }], 'x-permission': permission }),
  }
}

function contentOf(schemas: Readonly<Record<string, Schema>>): object {
  return Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, { schema }]))
}
