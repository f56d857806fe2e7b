import assert from 'node:assert/strict'
import { test } from 'node:test'
import { httpConnectionsMax } from '../../src/base/http-limits.ts'
import { connectionsMax, descriptorsKept } from '../../src/base/limits.ts'
import { socketBounds } from '../../src/daemon/descriptors.ts'

test('where descriptors abound, connections have their own bounds', () => {
  const all = connectionsMax + httpConnectionsMax
  assert.deepEqual(socketBounds(Infinity), { sockets: all, webSockets: connectionsMax })
  assert.deepEqual(socketBounds(all + descriptorsKept), {
    sockets: all,
    webSockets: connectionsMax,
  })
})

test('where they are few, some are kept for files and a part for HTTP', () => {
  assert.deepEqual(socketBounds(descriptorsKept + 400), { sockets: 400, webSockets: 300 })
  assert.deepEqual(socketBounds(descriptorsKept - 1), { sockets: 2, webSockets: 1 })
})
