/**
 * Data directories of which one file is almost right, each given to a daemon of its own.
 *
 * It serves what was counted, or refuses the directory with a documented exit code. It never serves
 * another value. What LMDB maps is trusted by it: damage there may end the process by a signal, and
 * `millrace inspect` must then find it.
 */
import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { runCli } from '../../src/cli/run.ts'
import { MillraceClient } from '../../src/client/client.ts'
import { testIo } from '../helpers/io.ts'
import { below, mutated, pick, type Random } from '../helpers/mutate.ts'
import { root } from '../helpers/repository.ts'
import { Served } from '../helpers/served.ts'
import { Finding, type Extent } from './finding.ts'

const features = join(root, 'test/fixtures/orders.ts')
const users = 20

/** Exit codes of a daemon that does not take its directory. */
const refusals: readonly number[] = [exitCodes.data, exitCodes.config, exitCodes.internal]

/** Directories that were tried, and daemons that a signal has ended. */
export interface StoreTally {
  readonly count: number
  readonly ended: number
}

export async function fuzzStores({ count, random, isOver }: Extent): Promise<StoreTally> {
  let [tried, ended] = [0, 0]
  const folder = await mkdtemp(join(tmpdir(), 'millrace-stores-'))
  try {
    const good = join(folder, 'good')
    await fill(good)
    const files = await filesOf(good)
    const newest = files
      .filter((path) => path.startsWith('journal'))
      .toSorted()
      .at(-1)
    for (let n = 0; n < count && !isOver(); n++) {
      const dataDir = join(folder, `case-${n}`)
      await cp(good, dataDir, { recursive: true })
      const path = pick(random, files)
      const bytes = damaged(await readFile(join(good, path)), random)
      await writeFile(join(dataDir, path), bytes)
      try {
        const signal = await serve(dataDir, path === newest ? ['10', '20'] : ['20'])
        if (signal !== null) {
          ended += 1
          assert.ok(path.endsWith('.mdb'), signal)
          await assertFound(dataDir)
        }
      } catch (thrown) {
        throw new Finding('store', bytes, `${path}: ${String(thrown)}`)
      }
      tried += 1
      await rm(dataDir, { recursive: true })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return { count: tried, ended }
}

/** Some orders of some users, in a checkpoint and behind it. */
async function fill(dataDir: string): Promise<void> {
  for (const ending of ['SIGTERM', 'SIGKILL'] as const) {
    const served = new Served({ features, dataDir, port: 0 })
    try {
      const client = new MillraceClient({ url: await served.url, producer: 'p' })
      const at = systemClock.nowMs()
      const orders = Array.from({ length: 10 * users }, (_, n) => ({
        user_id: n % users,
        store: `store-${n}`,
        at,
        amount: 1,
      }))
      assert.equal((await client.publish('orders', orders)).accepted, orders.length)
      await client.close()
    } finally {
      await served.kill(ending)
    }
  }
}

async function filesOf(dataDir: string): Promise<string[]> {
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('lock'))
    .map((entry) => join(entry.parentPath, entry.name).slice(dataDir.length + 1))
}

/** A change or a few; or the end is gone, a page is of noise, or all is. */
function damaged(bytes: Buffer, random: Random): Buffer {
  const kind = below(random, 6)
  if (kind === 0) return Buffer.alloc(0)
  if (kind === 1) return bytes.subarray(0, below(random, bytes.length + 1) & ~4095)
  if (kind > 2) return mutated([bytes], random)
  const copy = Buffer.from(bytes)
  const start = below(random, bytes.length + 1) & ~4095
  for (let at = start; at < Math.min(copy.length, start + 4096); at++) copy[at] = below(random, 256)
  return copy
}

/**
 * Starts a daemon on the directory, and reads what it serves.
 *
 * @param counts  What a user may have. An end of the journal that is damaged is an end that a power
 *   loss has torn, for all that can be known: what is behind the checkpoint may be gone.
 * @returns the signal of its end.
 */
async function serve(dataDir: string, counts: readonly string[]): Promise<NodeJS.Signals | null> {
  const served = new Served({ features, dataDir, port: 0 })
  const url = await served.url.catch(() => null)
  try {
    if (url !== null) await readAll(url, counts)
  } finally {
    await served.kill()
  }
  const { exitCode, signal, said } = await served.ended
  if (url !== null && signal === 'SIGKILL') return null
  if (signal === null) assert.ok(refusals.includes(exitCode!), `exit ${exitCode}: ${said}`)
  assert.doesNotMatch(said, /unexpected/)
  return signal
}

/** `millrace inspect` finds damage, and survives it. */
async function assertFound(dataDir: string): Promise<void> {
  const io = testIo()
  const exitCode = await runCli(['inspect', '--verify', '--data', dataDir], io)
  assert.equal(exitCode, exitCodes.data, [...io.outLines, ...io.errLines].join('\n'))
}

/** Every user has what was counted, all of them the same, or the read fails. */
async function readAll(url: string, counts: readonly string[]): Promise<void> {
  const seen = new Set<unknown>()
  for (let user_id = 0; user_id < users; user_id++) {
    const path = `/v1/features/user_orders?user_id=${user_id}`
    const response = await fetch(`${url}${path}`).catch(() => null)
    if (response?.status !== 200) continue
    const { rows } = (await response.json()) as { rows: { values: Record<string, unknown> }[] }
    seen.add(rows[0]!.values['orders_30d'])
  }
  assert.ok(
    seen.size <= 1 && [...seen].every((count) => counts.includes(String(count))),
    [...seen].join(),
  )
}
