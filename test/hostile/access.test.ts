/**
 * What is not a key, or not the key for it, in a request and in a handshake.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { apiKeyOf } from '../helpers/api-keys.ts'
import { startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { upgradeRequest } from '../helpers/raw-frames.ts'
import { exchange } from '../helpers/raw-http.ts'

type Door = (authorization: string | null) => string

const line = (authorization: string | null) =>
  authorization === null ? '' : `Authorization: ${authorization}\r\n`

const requestHead = (authorization: string | null) =>
  `Host: 127.0.0.1\r\nConnection: close\r\n${line(authorization)}`

const doors: readonly Door[] = [
  (key) => `GET /v1/features/user_orders?user_id=1 HTTP/1.1\r\n${requestHead(key)}\r\n`,
  (key) => upgradeRequest({ Authorization: key }),
]

async function guarded(t: TestContext) {
  const dataDir = await temporaryDir(t)
  const consumer = await apiKeyOf(dataDir, 'consumer')
  const { url } = await startDaemon(t, { dataDir })
  const ask = (bytes: string) => exchange(Number(new URL(url).port), bytes, t.signal)
  return { consumer, ask }
}

test('H6–H9: whatever is not a key gets one answer, at every door', async (t) => {
  const { consumer, ask } = await guarded(t)
  const [, id, secret] = consumer.split('_') as [string, string, string]
  const last = secret.endsWith('A') ? 'B' : 'A'
  const wrong: readonly (readonly [what: string, authorization: string | null])[] = [
    ['none', null],
    ['no key', 'Bearer'],
    ['another scheme', `Basic ${consumer}`],
    ['10 KB', `Bearer ${'x'.repeat(10_000)}`],
    ['a wrong secret', `Bearer mr_${id}_${secret.slice(0, -1)}${last}`],
    ['a shorter secret', `Bearer mr_${id}_${secret.slice(0, -1)}`],
    ['a longer secret', `Bearer mr_${id}_${secret}A`],
    ['no ASCII', `Bearer mr_${id}_${secret.slice(0, -1)}é`],
    ['an unknown id', `Bearer mr_${'0'.repeat(id.length)}_${secret}`],
  ]
  for (const door of doors) {
    const bodies = new Set<string>()
    for (const [what, authorization] of wrong) {
      const answer = await ask(door(authorization))
      assert.equal(answer?.status, 401, what)
      assert.equal(answer.code, 'UNAUTHORIZED', what)
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer\b/, what)
      if (authorization !== null) bodies.add(answer.body)
    }
    assert.equal(bodies.size, 1, [...bodies].join('\n'))
  }
  const [request] = doors
  assert.equal((await ask(request!(`Bearer ${consumer}`)))?.status, 200)
})

test('H11: a key that is not for events gets none in', async (t) => {
  const { consumer, ask } = await guarded(t)
  const events = JSON.stringify([{ user_id: 1, store: 'a', at: systemClock.nowMs(), amount: 1 }])
  const body = `Content-Type: application/json\r\nContent-Length: ${events.length}\r\n\r\n${events}`
  const head = requestHead(`Bearer ${consumer}`)
  const answer = await ask(`POST /v1/events/orders HTTP/1.1\r\n${head}${body}`)
  assert.deepEqual([answer?.status, answer?.code], [403, 'FORBIDDEN'])
})
