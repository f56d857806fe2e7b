/**
 * A data directory with something of everything in it, to be looked through and damaged.
 */
import { createHash } from 'node:crypto'
import { cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { orders } from '../fixtures/orders.ts'
import { startDaemon } from './daemons.ts'
import { temporaryDirectory } from './temporary.ts'

export const noonMs = Date.UTC(2026, 2, 1, 12)

export function order(n: number) {
  return { user_id: n % 7, store: `s${n % 5}`, at: noonMs - n, amount: n }
}

/** A directory of two lives of a daemon: events in shards, and events that were not counted. */
export async function storedDirectory(context: TestContext): Promise<string> {
  const dataDir = await temporaryDirectory(context)
  for (let life = 0; life < 2; life++) {
    const daemon = await startDaemon(context, { dataDir, clock: new ManualClock(noonMs) })
    const events = Array.from({ length: 50 }, (_, n) => order(life * 50 + n))
    await daemon.ingest(orders, events)
    await daemon.ingest('orders', [{ ...order(0), amount: 'no number' }])
    await daemon.drain()
  }
  return dataDir
}

/** A copy of a directory, to be damaged. */
export async function copyOf(context: TestContext, dataDir: string): Promise<string> {
  const copy = await temporaryDirectory(context)
  await cp(dataDir, copy, { recursive: true })
  return copy
}

/** The hash of every file of a directory but its locks, by path. */
export async function hashes(path: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('lock.')) continue
    const file = join(entry.parentPath, entry.name)
    found.set(
      file,
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    )
  }
  return found
}
