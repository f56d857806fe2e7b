/**
 * A producer that keeps its outbox on disk is killed at any moment: whatever it has said to be
 * stored counts, and nothing counts twice.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { readHttp, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { randomNumbers } from '../helpers/random.ts'

const program = join(import.meta.dirname, '../helpers/outbox-program.js')
const until = 4000
const users = [0, 1, 2]

/** Runs the producer until it has said so many lines, then kills it; how far it said it was. */
async function run(args: readonly string[], linesMax: number): Promise<number> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close') as Promise<[number | null, string | null]>
  let [stored, lines] = [0, 0]
  for await (const line of createInterface(child.stdout)) {
    stored = Number(line)
    lines += 1
    if (lines === linesMax) child.kill('SIGKILL')
  }
  const [exitCode, signal] = await ended
  assert.ok(signal === 'SIGKILL' || (exitCode === 0 && stored === until), `${exitCode}, ${signal}`)
  return stored
}

test('what a producer has stored counts exactly once, however often it is killed', async (t) => {
  const daemon = await startDaemon(t)
  const args = [daemon.url, join(await temporaryDir(t), 'outbox'), String(until)]
  const random = randomNumbers(7)
  let before = 0
  for (let round = 0; round < 6; round++) {
    const stored = await run(args, 1 + Math.floor(random() * 12))
    assert.ok(stored >= before, 'what was stored is there')
    before = stored
  }
  assert.equal(await run(args, Infinity), until)
  for (const user of users) {
    const [row] = await readHttp(daemon.url, 'user_orders', { user_id: user })
    const amounts = Array.from({ length: until }, (_, n) => n).filter((n) => n % 3 === user)
    assert.equal(row!.values['orders_30d'], String(amounts.length))
    assert.equal(row!.values['amount_30d'], String(amounts.reduce((sum, n) => sum + n, 0)))
  }
})
