/**
 * A daemon of its own under attack, and a client beside it to whom nothing may happen: its events
 * are acknowledged, once each, and soon.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../src/base/clock.ts'
import { MillraceClient } from '../../src/client/client.ts'
import { root } from '../helpers/repository.ts'
import { Served } from '../helpers/served.ts'
import type { AttackerData, AttackerMessage } from './attacker-thread.ts'
import { Finding } from './finding.ts'

/** Memory that a daemon may take beyond what it took before the attack, bytes. */
const growthBytesMax = 256 * 2 ** 20

/** Events of the client before the attack. */
const eventsBefore = 500

/** The client's own; too far from those of the attacker to be met by a change of them. */
const user_id = 1_000_000_007

export interface Times {
  readonly medianMs: number
  readonly p99Ms: number
  readonly slowestMs: number
}

export interface Siege {
  readonly attack: AttackerMessage
  /** Events that the client beside published and read back. */
  readonly published: number
  /** How long it waited for each without an attack, and with one. */
  readonly before: Times
  readonly times: Times
  /** Memory of the daemon, bytes; null where the system does not tell. */
  readonly rssStart: number | null
  readonly rssMost: number | null
}

export interface SiegeOptions {
  readonly count: number
  readonly seed: number
  readonly isOver: () => boolean
}

export async function fuzzSockets(options: SiegeOptions): Promise<Siege> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-hostile-'))
  const served = new Served({ features: join(root, 'test/fixtures/orders.ts'), dataDir, port: 0 })
  try {
    const siege = await besieged(served, options)
    const { exitCode, signal, said } = await served.kill('SIGTERM')
    assert.deepEqual({ exitCode, signal }, { exitCode: 0, signal: null }, said)
    return siege
  } finally {
    await served.kill()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function besieged(served: Served, { count, seed, isOver }: SiegeOptions): Promise<Siege> {
  const url = await served.url
  const client = new MillraceClient({ url, producer: 'bystander' })
  const [before, latencies]: [number[], number[]] = [[], []]
  while (before.length < eventsBefore) before.push(await publish(client))
  const rssStart = rssOf(served.child.pid!)
  let rssMost = rssStart
  const data: AttackerData = { port: Number(new URL(url).port), seed, count, connections: 16 }
  const thread = new Worker(new URL('attacker-thread.js', import.meta.url), { workerData: data })
  let attack: AttackerMessage | null = null
  thread.on('message', (message: AttackerMessage) => (attack = message))
  const ended = new Promise<void>((resolve, reject) => {
    thread.once('error', reject)
    thread.once('exit', () => resolve())
  })
  const end = new AbortController()
  void ended.catch(() => {}).finally(() => end.abort())
  while (!end.signal.aborted) {
    assert.equal(served.child.exitCode ?? served.child.signalCode, null, 'the daemon has ended')
    latencies.push(await publish(client))
    if (latencies.length % 100 === 0) rssMost = largest(rssMost, rssOf(served.child.pid!))
    if (isOver()) thread.postMessage('stop')
  }
  await ended
  const { finding } = attack! as AttackerMessage
  if (finding !== null) throw new Finding('socket', finding.input, finding.what)
  const published = eventsBefore + latencies.length
  const { values } = await client.get('user_orders', { user_id })
  assert.equal(values['orders_30d'], BigInt(published), 'every event of the client counts once')
  await client.close()
  if (rssStart !== null) assert.ok(rssMost! - rssStart < growthBytesMax, `${rssMost} bytes`)
  const times = { before: timesOf(before), times: timesOf(latencies) }
  return { attack: attack!, published, ...times, rssStart, rssMost }
}

/** Publishes one event and waits until it counts. @returns how long it took, ms. */
async function publish(client: MillraceClient): Promise<number> {
  const startMs = systemClock.monotonicMs()
  const order = { user_id, store: 'bystander', at: systemClock.nowMs(), amount: 1 }
  const { accepted } = await client.publish('orders', order)
  assert.equal(accepted, 1)
  return systemClock.monotonicMs() - startMs
}

function timesOf(latencies: readonly number[]): Times {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))]!
  return { medianMs: at(0.5), p99Ms: at(0.99), slowestMs: at(1) }
}

function rssOf(pid: number): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) * 1024
  } catch {
    return null
  }
}

function largest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b)
}
