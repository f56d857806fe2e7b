import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { settleListening } from '../../src/daemon/listening.ts'
import { cert, key } from '../fixtures/tls.ts'
import { temporaryDir } from '../helpers/daemons.ts'

const nothing = { port: 0, allowedOrigins: [], tlsCert: null, tlsKey: null }

test('only an address of this machine alone is listened on, unless it is said', async () => {
  for (const host of ['127.0.0.1', '127.8.9.10', '::1', 'localhost']) {
    const { address } = await settleListening({ ...nothing, host }, false)
    assert.match(address, /^127\.|^::1$/)
  }
  const others = ['0.0.0.0', '::', '192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1']
  for (const host of others) {
    await assert.rejects(settleListening({ ...nothing, host }, false), {
      code: 'CONFIG_INVALID',
      message: new RegExp(`^--host: ${host} can be reached from other machines, .*--insecure$`),
    })
    const { address, admission } = await settleListening({ ...nothing, host }, true)
    assert.equal(address, host)
    assert.equal(admission.hostNames, null)
  }
})

test('on this machine alone we are asked by our own names: host and allowed origins', async () => {
  const allowedOrigins = ['https://shop.example:8443']
  const { admission } = await settleListening(
    { ...nothing, host: 'LocalHost', allowedOrigins },
    false,
  )
  assert.deepEqual(admission, { allowedOrigins, hostNames: ['localhost', 'shop.example'] })
})

test('a certificate and its key come together, can be read, and fit', async (t) => {
  const dir = await temporaryDir(t)
  const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') }
  await writeFile(files.cert, cert)
  await writeFile(files.key, key)
  const keysOf = async (tlsCert: string | null, tlsKey: string | null) =>
    (await settleListening({ ...nothing, host: '::1', tlsCert, tlsKey }, false)).tls
  assert.equal(await keysOf(null, null), null)
  assert.deepEqual(await keysOf(files.cert, files.key), { cert, key })
  const wrong: [string | null, string | null, RegExp][] = [
    [files.cert, null, /^--tls-cert: needs its private key/],
    [null, files.key, /^--tls-key: needs a certificate/],
    [join(dir, 'none'), files.key, /^--tls-cert: cannot be read: ENOENT/],
    [files.cert, join(dir, 'none'), /^--tls-key: cannot be read: ENOENT/],
    [files.key, files.key, /^--tls-cert: not usable/],
    [files.cert, files.cert, /^--tls-cert: not usable/],
  ]
  for (const [tlsCert, tlsKey, message] of wrong) {
    await assert.rejects(keysOf(tlsCert, tlsKey), { code: 'CONFIG_INVALID', message })
  }
})
