/**
 * The daemon under test: `millrace serve` in a process of its own, over a directory on disk.
 *
 * It is the program that people run, with its defaults where a bench asks for nothing else. It is
 * stopped by SIGTERM, as they would, and must drain and leave with exit code 0. What it has used of
 * the machine is read from `/proc`, where there is one.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const suffix = extname(import.meta.url)
const program = fileURLToPath(new URL(`../src/cli/main${suffix}`, import.meta.url))
const standardFeatures = new URL(`features${suffix}`, import.meta.url)

export interface DaemonOptions {
  /** Where every thread leaves a CPU profile; null for none. */
  readonly profileDir: string | null
  /** What it serves. @defaultValue `features.ts` */
  readonly features?: URL
  /** The data directory, which is kept. @defaultValue a new one, removed when it has ended */
  readonly dataDir?: string
  /** Flags of `millrace serve` beside those that every bench needs. @defaultValue none */
  readonly flags?: readonly string[]
  /** Its working directory. @defaultValue that of the bench */
  readonly cwd?: string
  /** Whether it asks for huge pages. @defaultValue false */
  readonly hugePages?: boolean
}

export interface Daemon {
  /** Where it listens: `http://host:port`. */
  readonly url: string
  readonly dataDir: string
  /** From the start of the process to the line that says that it serves, ms. */
  readonly readyMs: number
  /** CPU time used so far, ns by thread. */
  readonly cpu: () => Promise<ThreadTimes>
  /** The most memory that it has held, bytes; 0 where the system does not tell. */
  rssBytesMax(): Promise<number>
  /** The memory that it holds now, bytes, without what it shares with files; 0 likewise. */
  anonymousBytes(): Promise<number>
  /** What its stores take on disk, bytes. */
  storeBytes(): Promise<number>
  /** What `GET /v1/status` says. */
  status(): Promise<DaemonStatus>
  /** Drains it, waits for its end and removes its directory if that was a new one. */
  stop(): Promise<void>
}

/** The part of the status that benches look at. */
export interface DaemonStatus {
  readonly recovery: { readonly batches: number; readonly events: number }
  readonly checkpoint: {
    readonly lanes: readonly { readonly keys: number; readonly stateBytes: number }[]
  }
}

/** By thread id; empty where the system does not tell. */
export interface ThreadTimes {
  readonly main: number
  readonly others: ReadonlyMap<number, number>
}

/** Asks for huge pages, as `docs/operating.md` tells, and becomes the program that follows. */
const inHugePages = ['env', 'GLIBC_TUNABLES=glibc.malloc.hugetlb=1']

/** How long it may take to leave, ms; then it is cut and the bench fails. */
const drainMsMax = 300_000

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { profileDir, flags = [], features = standardFeatures } = options
  const dir = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const { dataDir = join(dir, 'data'), cwd = process.cwd(), hugePages = false } = options
  const profiling = profileDir === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
  const serving = ['serve', fileURLToPath(features), '--data', dataDir, '--port', '0', '--json']
  const startedMs = performance.now()
  const node = [...(hugePages ? inHugePages : []), process.execPath, ...profiling]
  const [command, ...args] = [...node, program, ...serving, '--log-level', 'warn', ...flags]
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd })
  const messages: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => messages.push(line))
  const left = once(child, 'exit')
  const cut = (): boolean => child.kill('SIGKILL')
  process.once('exit', cut)
  child.once('exit', () => process.off('exit', cut))
  const started = await Promise.race([firstLine(child), left as Promise<[number | null]>])
  if (typeof started !== 'string') throw failure('did not start', started[0], messages)
  const readyMs = performance.now() - startedMs
  const { url } = JSON.parse(started) as { url: string }
  return {
    url,
    dataDir,
    readyMs,
    cpu: () => threadTimes(child.pid!),
    rssBytesMax: () => memoryOf(child.pid!, 'VmHWM'),
    anonymousBytes: () => memoryOf(child.pid!, 'RssAnon'),
    storeBytes: () => storeBytes(join(dataDir, 'shards')),
    status: async () => (await (await fetch(`${url}/v1/status`)).json()) as DaemonStatus,
    async stop() {
      child.kill('SIGTERM')
      const cutOff = setTimeout(() => child.kill('SIGKILL'), drainMsMax)
      const [code] = (await left) as [number | null]
      clearTimeout(cutOff)
      await rm(dir, { recursive: true, force: true })
      if (code !== 0) throw failure('did not drain', code, messages)
    },
  }
}

async function storeBytes(shardsPath: string): Promise<number> {
  let bytes = 0
  for (const shard of await readdir(shardsPath)) {
    bytes += (await stat(join(shardsPath, shard, 'data.mdb'))).blocks * 512
  }
  return bytes
}

/** A row of a process's `status`, bytes; 0 where there is none. */
async function memoryOf(pid: number, row: 'VmHWM' | 'RssAnon'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const found = new RegExp(`^${row}:\\s*(\\d+) kB$`, 'm').exec(status)
  return found === null ? 0 : Number(found[1]) * 1024
}

function failure(what: string, code: number | null, messages: readonly string[]): Error {
  return new Error([`the daemon ${what}, exit code ${code}`, ...messages].join('\n'))
}

async function firstLine(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout! })
  const [line] = (await once(lines, 'line')) as [string]
  return line
}

/** The first number of `schedstat` is the time that a thread has run, ns. */
export async function threadTimes(pid: number): Promise<ThreadTimes> {
  const tasks = `/proc/${pid}/task`
  const others = new Map<number, number>()
  let main = 0
  for (const thread of await readdir(tasks).catch(() => [])) {
    const text = await readFile(`${tasks}/${thread}/schedstat`, 'utf8').catch(() => '0')
    const ns = Number(text.split(' ')[0])
    if (Number(thread) === pid) main = ns
    else others.set(Number(thread), ns)
  }
  return { main, others }
}
