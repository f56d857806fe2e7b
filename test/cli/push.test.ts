import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { pushCommand, type Publisher } from '../../src/cli/push.ts'
import { rejection } from '../../src/model/rejection.ts'
import { testIo } from '../helpers/io.ts'

/** A client that keeps what is published; `bad` events are rejected, `again` ones duplicates. */
function fakeClient() {
  const published: { source: string; events: readonly object[] }[] = []
  const calls: string[] = []
  const client: Publisher = {
    publish: async (source, events) => {
      // A call is taken whole or not at all.
      const large = events.some((event) => 'large' in event)
      if (large) throw new MillraceError('EVENT_TOO_LARGE', { size: 70_000, max: 65_536 })
      published.push({ source, events })
      await Promise.resolve()
      const rejected = events.flatMap((event, index) =>
        'bad' in event ? [rejection(index, 'EVENT_FIELD_MISSING', '/user_id')] : [],
      )
      return { accepted: events.length - rejected.length, rejected }
    },
    get duplicates() {
      return published.flatMap(({ events }) => events).filter((event) => 'again' in event).length
    },
    drain: () => {
      calls.push('drain')
      return Promise.resolve()
    },
    close: () => {
      calls.push('close')
      return Promise.resolve()
    },
  }
  return { published, calls, run: pushCommand(() => Promise.resolve(client)) }
}

test('push publishes each line of stdin as an event and counts them', async () => {
  const { published, calls, run } = fakeClient()
  const io = testIo('{"a":"é"}\r\n\n{"a":2}\n{"a":3}')
  assert.equal(await run(['clicks'], io), 0)
  assert.deepEqual(published, [{ source: 'clicks', events: [{ a: 'é' }, { a: 2 }, { a: 3 }] }])
  assert.deepEqual(io.outLines, ['3 events accepted, 0 rejected'])
  assert.deepEqual(calls, ['drain'])
})

test('push says how many events were not counted again', async () => {
  const { run } = fakeClient()
  const io = testIo('{"a":1}\n{"again":1}\n')
  assert.equal(await run(['clicks'], io), 0)
  assert.deepEqual(io.outLines, ['2 events accepted, 0 rejected, 1 not counted again'])
})

test('push reads a file, in calls of bounded size', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-push-'))
  const file = join(directory, 'events.ndjson')
  writeFileSync(file, '{"a":1}\n'.repeat(20_500))
  const { published, run } = fakeClient()
  const io = testIo()
  assert.equal(await run(['clicks', '--file', file, '--json'], io), 0)
  assert.deepEqual(JSON.parse(io.outLines[0]!), { accepted: 20_500, rejected: 0, duplicates: 0 })
  assert.equal(published.length, 21)
  assert.ok(published.every(({ events }) => events.length <= 1000))
  rmSync(directory, { recursive: true })
})

test('rejected events are reported by line, the good ones published, and it exits 65', async () => {
  const { run } = fakeClient()
  const io = testIo('{"a":1}\n\nnonsense\n[1]\n{"bad":true}\n{"a":2}\n')
  assert.equal(await run(['clicks'], io), 65)
  assert.deepEqual(io.errLines, [
    'line 3: not a JSON object',
    'line 4: not a JSON object',
    'line 5: /user_id: required field is missing (EVENT_FIELD_MISSING)',
  ])
  assert.deepEqual(io.outLines, ['2 events accepted, 3 rejected'])
})

test('a line that says two things is refused instead of losing one', async () => {
  const { published, run } = fakeClient()
  const io = testIo('{"a":1}\n{"a":1,"a":2}\n')
  assert.equal(await run(['clicks'], io), 65)
  assert.deepEqual(published, [{ source: 'clicks', events: [{ a: 1 }] }])
  assert.deepEqual(io.errLines, ['line 2: a name comes twice in a JSON object'])
})

test('a line that is not UTF-8 is refused instead of changed', async () => {
  const { published, run } = fakeClient()
  const bytes = Buffer.from('{"a":"?"}\n{"a":2}\n')
  bytes[6] = 0xff
  const input = (async function* () {
    yield await Promise.resolve(bytes)
  })()
  const io = { ...testIo(), input }
  assert.equal(await run(['clicks'], io), 65)
  assert.deepEqual(published, [{ source: 'clicks', events: [{ a: 2 }] }])
  assert.deepEqual(io.errLines, ['line 1: not UTF-8'])
})

test('an event that cannot be sent does not keep the others of its call back', async () => {
  const { published, run } = fakeClient()
  const io = testIo('{"a":1}\n{"large":1}\n{"bad":1}\n{"a":2}\n')
  assert.equal(await run(['clicks'], io), 65)
  assert.deepEqual(
    published.map(({ events }) => events),
    [[{ a: 1 }], [{ bad: 1 }], [{ a: 2 }]],
  )
  assert.deepEqual(io.errLines, [
    'line 2: event of 70000 bytes exceeds 65536 (EVENT_TOO_LARGE)',
    'line 3: /user_id: required field is missing (EVENT_FIELD_MISSING)',
  ])
  assert.deepEqual(io.outLines, ['2 events accepted, 2 rejected'])
})

test('of many rejections some are printed and all are counted', async () => {
  const { run } = fakeClient()
  const io = testIo('{"bad":1}\n'.repeat(100))
  assert.equal(await run(['clicks'], io), 65)
  assert.equal(io.errLines.length, 21)
  assert.deepEqual(io.outLines, ['0 events accepted, 100 rejected'])
})

test('what the client fails with, push fails with', async () => {
  const lost = new MillraceError('CLIENT_REFUSED', { reason: 'no' })
  const run = pushCommand(() =>
    Promise.resolve({
      duplicates: 0,
      publish: () => Promise.reject(lost),
      drain: () => Promise.reject(new Error('would wait for ever')),
      close: () => Promise.resolve(),
    }),
  )
  await assert.rejects(run(['clicks'], testIo('{}\n'.repeat(12_000))), lost)
})

test('a file that is not there and a line without end are refused', async () => {
  const { run } = fakeClient()
  await assert.rejects(run(['clicks', '--file', 'not-there.ndjson'], testIo()), {
    code: 'FILE_UNREADABLE',
    message: /^cannot read not-there\.ndjson: ENOENT/,
  })
  await assert.rejects(run(['clicks'], testIo('x'.repeat(1_100_000))), /longer than/)
})
