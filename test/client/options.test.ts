import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { resolveOptions } from '../../src/client/options.ts'
import { root } from '../helpers/repository.ts'

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

  it('let what nobody asked for be a warning of the process, once of each kind', async () => {
    const { onRejected, onUnknown } = resolveOptions({ url: 'ws://h' }).publish
    const warnings: Error[] = []
    const listen = (warning: Error): void => {
      warnings.push(warning)
    }
    process.on('warning', listen)
    const told = { source: 'a', code: 'EVENT_TIME', path: '/t', message: 'no time' } as const
    for (const sequence of [7, 8]) onRejected({ ...told, sequence })
    const left = { source: 'a', count: 3, firstSequence: 4 }
    for (const wasSent of [true, false]) onUnknown({ ...left, wasSent })
    await new Promise(setImmediate)
    process.off('warning', listen)
    const texts = warnings.map(({ message }) => message)
    assert.equal(texts.length, 2)
    assert.match(texts[0]!, /^event 7, of the source a, was rejected: EVENT_TIME \/t no time\. /)
    assert.match(texts[1]!, /ended: 3 events of the source a were sent, and .* is unknown\. /)
  })

  it('are all in the reference', () => {
    const read = (path: string): string => readFileSync(join(root, path), 'utf8')
    const [, fields] = /interface ClientOptions \{([^]*?)\n\}/.exec(read('src/client/options.ts'))!
    const declared = [...fields!.matchAll(/^  readonly (\w+)\??:/gm)].map(([, name]) => name!)
    const [, table] = /## Options\n([^]*?)\n## /.exec(read('docs/reference/client.md'))!
    const documented = [...table!.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name!)
    assert.deepEqual(documented.toSorted(), declared.toSorted())
  })

  it('need a name and a directory for an outbox on disk', () => {
    const outbox = { dir: 'd' }
    assert.equal(resolveOptions({ url: 'ws://h', producer: 'p', outbox }).outboxDir, 'd')
    const wrong = [
      { url: 'ws://h', outbox },
      { url: 'ws://h', producer: 'p', outbox: { dir: '' } },
    ]
    for (const options of wrong) {
      assert.throws(() => resolveOptions(options), { code: 'CONFIG_INVALID' })
    }
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
