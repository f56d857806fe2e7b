import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolveOptions } from '../../src/client/options.ts'

describe('the options of a client', () => {
  it('take the address of a server in any of its spellings', () => {
    const endpoint = (url: string): string => resolveOptions({ url }).url
    assert.equal(endpoint('ws://127.0.0.1:4800'), 'ws://127.0.0.1:4800/v1/stream')
    assert.equal(endpoint('http://127.0.0.1:4800/'), 'ws://127.0.0.1:4800/v1/stream')
    assert.equal(endpoint('https://features.example/in'), 'wss://features.example/in')
  })

  it('give every client a producer name of its own', () => {
    const names = [1, 2].map(() => resolveOptions({ url: 'ws://h' }).producer)
    assert.notEqual(names[0], names[1])
    for (const name of names) assert.match(name, /^[\x21-\x7e]{1,64}$/)
  })

  it('are refused with the option that is wrong', () => {
    const wrong = [
      { url: 'nowhere' },
      { url: 'ftp://h' },
      { url: 'ws://h', producer: '' },
      { url: 'ws://h', producer: 'with space' },
      { url: 'ws://h', batchEventsMax: 0 },
      { url: 'ws://h', lingerMs: -1 },
      { url: 'ws://h', outboxEventsMax: Number.NaN },
    ]
    for (const options of wrong) {
      assert.throws(() => resolveOptions(options), { code: 'CONFIG_INVALID' })
    }
  })
})
