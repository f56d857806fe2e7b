/**
 * The daemon under test: `millrace serve` in a process of its own, over a new directory on disk.
 *
 * It is the program that people run, with its defaults. It is stopped by SIGTERM, as they would,
 * and must drain and leave with exit code 0. What it has used of the machine is read from `/proc`,
 * where there is one.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const suffix = extname(import.meta.url)
const program = fileURLToPath(new URL(`../src/cli/main${suffix}`, import.meta.url))
const features = fileURLToPath(new URL(`features${suffix}`, import.meta.url))

export interface Daemon {
  /** Where it listens: `http://host:port`. */
  readonly url: string
  /** CPU time used so far, ns by thread. */
  readonly cpu: () => Promise<ThreadTimes>
  /** The most memory that it has held, bytes; 0 where the system does not tell. */
  rssBytesMax(): Promise<number>
  /** Drains it, waits for its end and removes its directory. */
  stop(): Promise<void>
}

/** By thread id; empty where the system does not tell. */
export interface ThreadTimes {
  readonly main: number
  readonly others: ReadonlyMap<number, number>
}

/** How long it may take to leave, ms; then it is cut and the bench fails. */
const drainMsMax = 60_000

/** @param profileDir  Where every thread leaves a CPU profile; null for none. */
export async function startDaemon(profileDir: string | null): Promise<Daemon> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const profiling = profileDir === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
  const serving = ['serve', features, '--data', join(dir, 'data'), '--port', '0', '--json']
  const options = ['--log-level', 'warn']
  const child = spawn(process.execPath, [...profiling, program, ...serving, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const messages: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => messages.push(line))
  const left = once(child, 'exit')
  const cut = (): boolean => child.kill('SIGKILL')
  process.once('exit', cut)
  child.once('exit', () => process.off('exit', cut))
  const started = await Promise.race([firstLine(child), left as Promise<[number | null]>])
  if (typeof started !== 'string') throw failure('did not start', started[0], messages)
  const { url } = JSON.parse(started) as { url: string }
  const status = (file: string): Promise<string> =>
    readFile(`/proc/${child.pid}/${file}`, 'utf8').catch(() => '')
  return {
    url,
    cpu: () => threadTimes(child.pid!),
    async rssBytesMax() {
      const found = /^VmHWM:\s*(\d+) kB$/m.exec(await status('status'))
      return found === null ? 0 : Number(found[1]) * 1024
    },
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
