import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fastify } from 'fastify'
import { addAnyType } from '../../src/compat/any-type.ts'

test('a body is read under any content type, and under what is none', async () => {
  const app = fastify()
  addAnyType(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body))
  app.post('/', ({ body }) => body)
  const types = ['', ' ', 'json', 'text/', '/json', ';charset=utf-8', 'a b', 'application/json; x']
  for (const type of [...types, 'application/json', 'Text/Plain; charset=latin1']) {
    const headers = { 'content-type': type }
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/', headers, body: '{}' })
    assert.deepEqual([statusCode, body], [200, '{}'], type)
  }
})
