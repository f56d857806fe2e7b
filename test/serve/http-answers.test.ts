import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fastify } from 'fastify'
import { addAnswers } from '../../src/serve/http-answers.ts'

const wide = 'x'.repeat(16 * 1024 * 1024)

test('peers that do not read their answers are cut, the oldest first, and no other', async (t) => {
  const app = fastify({ forceCloseConnections: true })
  addAnswers(app, 2.5 * wide.length)
  app.get('/', () => wide)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  t.after(() => app.close())
  /** Resolves to the server's socket of a peer that has asked and does not read. */
  const openSlow = async () => {
    const accepted = once(app.server, 'connection')
    const peer = connect({ port, host: '127.0.0.1' }).on('error', () => {})
    t.after(() => peer.destroy())
    const answered = once(app.server, 'request')
    peer.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const [[socket]] = await Promise.all([accepted, answered])
    return socket as { readonly destroyed: boolean }
  }
  const slow = [await openSlow()]
  const read = async (): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${port}/`)
    return (await answer.text()).length
  }
  assert.equal(await read(), wide.length)
  assert.equal(slow[0]!.destroyed, false)
  for (let n = 1; n < 5; n++) slow.push(await openSlow())
  assert.equal(await read(), wide.length)
  const cut = slow.map(({ destroyed }) => destroyed)
  assert.deepEqual(
    cut,
    cut.toSorted((a, b) => Number(b) - Number(a)),
  )
  assert.equal(cut[0], true)
  assert.equal(cut.at(-1), false)
})
