/**
 * HTTP that no client library sends, against a daemon with somebody in it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { besiege } from '../helpers/bystander.ts'
import { exchange } from '../helpers/raw-http.ts'
import { handshakeRows, requestRows } from './http-rows.ts'
import { nameOf, rowOptions } from './rows.ts'

test('bad requests and handshakes are answered, and harm nobody', async (t) => {
  const daemon = await besiege(t)
  for (const row of [...handshakeRows, ...requestRows]) {
    const { bytes, status, code, header } = row
    await t.test(nameOf(row), rowOptions, async ({ signal }) => {
      const answer = await exchange(daemon.port, bytes, signal)
      assert.equal(answer?.status ?? null, status, answer?.body)
      if (code !== undefined) assert.equal(answer?.code, code)
      if (header !== undefined) assert.equal(answer?.headers.get(header[0]), header[1])
      await daemon.check()
    })
  }
})
