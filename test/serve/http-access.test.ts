import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fastify } from 'fastify'
import { openAccess } from '../../src/model/permission.ts'
import { addAccess } from '../../src/serve/http-access.ts'

test('a route that does not say whom it is for cannot be added', () => {
  const app = fastify()
  addAccess(app, openAccess)
  const answer = (): string => 'answer'
  app.get('/said', { config: { permission: 'open' } }, answer)
  assert.throws(() => app.get('/unsaid', answer), /GET \/unsaid does not say whom it is for/)
  assert.throws(() => app.post('/unsaid', { config: {} }, answer), /POST \/unsaid/)
})
