/**
 * The process of the peer `fastify`: the fastest route there is, which answers with a greeting.
 */
import fastify from 'fastify'
import { answerParent } from './child.ts'

const app = fastify()
const greeting = { type: 'object', properties: { hello: { type: 'string' } } }
app.get('/', { schema: { response: { 200: greeting } } }, () => ({ hello: 'world' }))
answerParent(await app.listen({ host: '127.0.0.1', port: 0 }), () => null)
