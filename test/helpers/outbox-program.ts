/**
 * A producer with an outbox on disk, as a process of its own, to be killed: `URL DIR UNTIL`.
 *
 * Event `n` is the one with sequence `n`, so that the next process knows where to go on. Says on
 * stdout up to where its events are stored.
 */
import { createClient } from 'millrace'
import { systemClock } from '../../src/base/clock.ts'
import { orders } from '../fixtures/orders.ts'

const [url, dir, until] = process.argv.slice(2) as [string, string, string]
const client = createClient({ url, producer: 'p', outbox: { dir }, outboxEventsMax: 500 })
let { nextSequence } = await client.stored()
process.stdout.write(`${nextSequence}\n`)
while (nextSequence < Number(until)) {
  const end = Math.min(nextSequence + 40, Number(until))
  for (let n = nextSequence; n < end; n++) {
    const at = new Date(systemClock.nowMs())
    client.send(orders, { user_id: BigInt(n % 3), store: 'a', at, amount: BigInt(n) })
  }
  ;({ nextSequence } = await client.stored())
  process.stdout.write(`${nextSequence}\n`)
  await client.ready()
}
await client.drain()
