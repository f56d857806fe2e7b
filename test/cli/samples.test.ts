import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleLines } from '../../src/cli/samples.ts'
import type { DataType, Field } from '../../src/model/types.ts'

const int64: DataType = { kind: 'Int64', nullable: false }
const text: DataType = { kind: 'String', nullable: false }
const time: DataType = { kind: 'Timestamp', nullable: false }
const user: Field = { name: 'user_id', type: text }

function definitions(online: boolean, fields: readonly Field[]) {
  return {
    sources: [{ name: 'clicks', fields }],
    views: [{ name: 'by_user', source: 'clicks', joinKeys: [user], online }],
  }
}

test('the event has a value for each type, and the read has the key of the event', () => {
  const fields: readonly Field[] = [
    user,
    { name: 'at', type: time },
    { name: 'rates', type: { kind: 'Array', nullable: false, element: { ...int64 } } },
    {
      name: 'shop',
      type: { kind: 'Struct', nullable: false, fields: [{ name: 'open', type: time }] },
    },
    { name: 'by', type: { kind: 'Map', nullable: true, value: { kind: 'Bool', nullable: false } } },
  ]
  assert.deepEqual(sampleLines('http://127.0.0.1:4800', definitions(true, fields)), [
    `echo '{"user_id":"u1","at":'$(date +%s000)',"rates":[1],` +
      `"shop":{"open":'$(date +%s000)'},"by":{"a":true}}' | npx millrace push clicks`,
    'npx millrace get by_user user_id=u1',
    `curl 'http://127.0.0.1:4800/v1/features/by_user?user_id=u1'`,
  ])
})

test('the event has the fields that are pushed, if a post-processor makes others of them', () => {
  const { sources, views } = definitions(true, [user, { name: 'at', type: time }])
  const inputFields = [user, { name: 'ms', type: int64 }]
  const [push] = sampleLines('http://127.0.0.1:4800', {
    sources: sources.map((source) => ({ ...source, inputFields })),
    views,
  })
  assert.equal(push, `echo '{"user_id":"u1","ms":1}' | npx millrace push clicks`)
})

test('a daemon elsewhere is named in the commands; without a view there are none', () => {
  const [push, get] = sampleLines('http://127.0.0.1:9', definitions(true, [user]))
  assert.match(push!, / --url http:\/\/127\.0\.0\.1:9$/)
  assert.match(get!, / --url http:\/\/127\.0\.0\.1:9$/)
  assert.deepEqual(sampleLines('http://127.0.0.1:9', definitions(false, [user])), [])
})
