/**
 * The server of the hello-world peer: prints its URL, and answers until it is cut.
 */
import { fastify } from 'fastify'

const answer = { type: 'object', properties: { hello: { type: 'string' } } }
const app = fastify()
app.get('/', { schema: { response: { 200: answer } } }, (_, reply) => {
  reply.send({ hello: 'world' })
})
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
