/**
 * What many connections cost, and how fast many come back: against a daemon of its own.
 *
 *     npm run test:connections -- [--idle 2000] [--clients 1000]
 *
 * Opens idle connections and tells the memory of each, after every one has been pinged. Then kills
 * the daemon under clients that publish, starts it again, and tells when each of them has its
 * receipt. Ends with 1 when idle connections take more than 50 kB each, clients are not back within
 * a minute, or an event is lost or counts twice.
 */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import { systemClock } from '../src/base/clock.ts'
import { MillraceClient } from '../src/client/client.ts'
import { encodeHello, subprotocol } from '../src/wire/protocol.ts'
import { readHttp } from './helpers/daemons.ts'
import { root } from './helpers/repository.ts'
import { Served } from './helpers/served.ts'

const bytesMax = 50_000
const backMsMax = 60_000

const { values } = parseArgs({
  options: {
    idle: { type: 'string', default: '2000' },
    clients: { type: 'string', default: '1000' },
  },
})

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Resident memory of a process, bytes. */
function residentBytes({ child }: Served): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]) * 1024
}

/** A connection that has been welcomed, and has nothing to say. */
async function openIdle(url: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream`, subprotocol)
  await once(socket, 'open')
  socket.send(encodeHello({ producer: null, epoch: null }))
  await once(socket, 'message')
  return socket
}

/** Memory of an idle connection, bytes. */
async function idleBytes(served: Served, count: number): Promise<number> {
  const url = await served.url
  const before = residentBytes(served)
  const sockets: WebSocket[] = []
  while (sockets.length < count) {
    const some = Math.min(50, count - sockets.length)
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => openIdle(url)))))
  }
  await Promise.all(sockets.map((socket) => once(socket, 'ping')))
  const bytes = residentBytes(served) - before
  const each = bytes / count
  say(`${count} idle connections: ${(bytes / 1e6).toFixed(1)} MB, ${each.toFixed(0)} bytes each`)
  for (const socket of sockets) socket.terminate()
  return each
}

/** Time from the start of the daemon to the receipt of the last client, ms. */
async function backMs(first: Served, again: (url: string) => Served, count: number) {
  const url = await first.url
  const clients = Array.from({ length: count }, (_, n) => {
    return new MillraceClient({ url, producer: `client-${n}` })
  })
  const at = systemClock.nowMs()
  const publish = (client: MillraceClient) =>
    client.publish('orders', { user_id: 1, store: 'a', at, amount: 1 })
  await Promise.all(clients.map(publish))
  await first.kill()
  const receipts = clients.map(publish)
  const startMs = systemClock.monotonicMs()
  const served = again(url)
  await served.url
  const listeningMs = systemClock.monotonicMs() - startMs
  const times = await Promise.all(
    receipts.map((receipt) => receipt.then(() => systemClock.monotonicMs() - startMs)),
  )
  const sorted = times.toSorted((a, b) => a - b)
  const [median, last] = [sorted[Math.floor(count / 2)]!, sorted.at(-1)!]
  say(`listening ${listeningMs.toFixed(0)} ms after the start`)
  say(
    `${count} clients: half of them back after ${median.toFixed(0)} ms, all ${last.toFixed(0)} ms`,
  )
  const [row] = await readHttp(url, 'user_orders', { user_id: 1 })
  const counted = Number(row!.values['orders_30d'])
  say(`${2 * count} events published, ${counted} counted`)
  await Promise.all(clients.map((client) => client.close()))
  return { last, isExact: counted === 2 * count }
}

const dataDir = mkdtempSync(join(tmpdir(), 'millrace-connections-'))
const started: Served[] = []

function serve(port: number): Served {
  const served = new Served({ features: join(root, 'test/fixtures/orders.ts'), dataDir, port })
  started.push(served)
  return served
}

try {
  const first = serve(0)
  const each = await idleBytes(first, Number(values.idle))
  const again = (url: string): Served => serve(Number(new URL(url).port))
  const { last, isExact } = await backMs(first, again, Number(values.clients))
  if (each > bytesMax || last > backMsMax || !isExact) process.exitCode = 1
} finally {
  await Promise.all(started.map((served) => served.kill()))
  rmSync(dataDir, { recursive: true, force: true })
}
