/**
 * The daemon of the demo: `millrace serve` as a process of its own, as it would run anywhere.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface Daemon {
  readonly url: string
  readonly pid: number
  /** Rejects when the daemon ends before it is stopped; never resolves. */
  readonly died: Promise<never>
  /** Asks it to drain, and waits until it has ended. */
  stop(): Promise<void>
}

/** How long the daemon may take to drain, ms; then it is killed, and the demo fails. */
const drainMsMax = 30_000

/** Characters of its messages that are kept, to be told if it fails. */
const saidLengthMax = 10_000

/** Starts a daemon on a free port. @param features  Path of the definitions. */
export async function startDaemon(features: string, dataDir: string): Promise<Daemon> {
  const flags = ['--data', dataDir, '--port', '0', '--log-level', 'warn', '--json']
  const child = spawn(process.execPath, [cli, 'serve', features, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that Ctrl-C asks the demo alone, which then stops the daemon.
    detached: true,
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-saidLengthMax)
  })
  // 'close' and not 'exit': what it said has been read then.
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  let isStopping = false
  const died = ended.then(([exitCode, signal]): Promise<never> => {
    if (isStopping) return new Promise(() => {})
    throw new Error(`the daemon ended by itself: ${signal ?? `exit ${exitCode}`}\n${said}`)
  })
  // Waited for where it matters; here it must not end the process by itself.
  died.catch(() => {})
  const { url } = await Promise.race([startLine(child), died])
  return {
    url,
    pid: child.pid!,
    died,
    stop: async () => {
      // One that has ended by itself has been told of.
      if (child.exitCode !== null || child.signalCode !== null) return
      isStopping = true
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), drainMsMax)
      const [exitCode, signal] = await ended
      clearTimeout(timer)
      if (exitCode !== 0)
        throw new Error(`the daemon did not drain: ${signal ?? `exit ${exitCode}`}\n${said}`)
    },
  }
}

/** The line of JSON that says that the daemon is up. */
async function startLine(child: ChildProcess): Promise<{ readonly url: string }> {
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
  return JSON.parse(line) as { url: string }
}

/** The most memory that a process has held, bytes; null where the system does not tell. */
export async function peakMemory(pid: number): Promise<number | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
    return kib === undefined ? null : Number(kib) * 1024
  } catch {
    return null
  }
}
