/**
 * Checks over lanes that die as a test tells them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { suspectChecksMax } from '../../src/base/http-limits.ts'
import { Checks, type CheckLane } from '../../src/intake/checks.ts'
import type { CheckedEvents, FromShard } from '../../src/model/message.ts'

/** A lane that keeps what it is asked. */
function laneOf() {
  const asked: number[] = []
  let answer: (message: FromShard) => void = () => {}
  let die: (error: MillraceError, check: number | null) => void = () => {}
  const lane: CheckLane = {
    lane: 0,
    isLive: true,
    post: (message) => {
      assert.ok(message.kind === 'check')
      asked.push(message.id)
    },
    onMessage: (listener) => (answer = listener),
    onDeath: (listener) => (die = listener),
  }
  return {
    lane,
    asked,
    answer: (id: number) => answer({ kind: 'checked', id, findings: [] }),
    die: (check: number | null) => die(new MillraceError('SHARD_REBUILDING', { lane: 0 }), check),
  }
}

function eventsOf(text: string): CheckedEvents {
  const bytes = Buffer.from(text)
  const payload = new SharedArrayBuffer(bytes.length)
  new Uint8Array(payload).set(bytes)
  return { source: 0, count: 1, payload }
}

const codeOf = (asking: Promise<unknown>): Promise<string> =>
  asking.then(
    () => 'answered',
    (thrown: unknown) => (thrown as MillraceError).code,
  )

test('a request that ends its thread twice is asked of no lane any more', async () => {
  const { lane, asked, die } = laneOf()
  const checks = new Checks([lane])
  const ask = (text: string) => codeOf(checks.ask([eventsOf(text)], 0))
  const first = ask('poison')
  die(asked.at(-1)!)
  assert.equal(await first, 'SHARD_REBUILDING')
  const second = ask('poison')
  die(asked.at(-1)!)
  assert.equal(await second, 'EVENT_POISON')
  assert.equal(await ask('poison'), 'EVENT_POISON')
  assert.equal(asked.length, 2)
})

test('what only waited for a thread that died is asked again as ever', async () => {
  const { lane, asked, answer, die } = laneOf()
  const checks = new Checks([lane])
  const ask = (text: string) => codeOf(checks.ask([eventsOf(text)], 0))
  for (let round = 0; round < 3; round++) {
    const others = [ask('good'), ask(`poison ${round}`), ask('good')]
    die(asked.at(-2)!)
    assert.deepEqual(
      await Promise.all(others),
      others.map(() => 'SHARD_REBUILDING'),
    )
    const alone = ask('good')
    die(null)
    assert.equal(await alone, 'SHARD_REBUILDING')
  }
  const good = ask('good')
  answer(asked.at(-1)!)
  assert.equal(await good, 'answered')
})

test('of many such requests the oldest are forgotten', async () => {
  const { lane, asked, die } = laneOf()
  const checks = new Checks([lane])
  const dying = async (text: string): Promise<string> => {
    const code = codeOf(checks.ask([eventsOf(text)], 0))
    die(asked.at(-1)!)
    return code
  }
  await dying('first')
  for (let n = 0; n < suspectChecksMax; n++) await dying(`other ${n}`)
  assert.equal(await dying('first'), 'SHARD_REBUILDING')
  assert.equal(await dying(`other ${suspectChecksMax - 1}`), 'EVENT_POISON')
})
