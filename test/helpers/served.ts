/**
 * `millrace serve` as a process of its own, to be killed.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemClock } from '../../src/base/clock.ts'

const main = join(import.meta.dirname, '../../src/cli/main.js')

export interface ServedOptions {
  readonly features: string
  readonly dataDir: string
  readonly port: number
  readonly flags?: readonly string[]
  /**
   * A command that runs the daemon's, given behind its own words, in the process that it is started
   * in: `env`, `strace -D`.
   */
  readonly wrap?: readonly string[]
}

/** Why the process ended. */
export interface Ending {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** What it said on stderr. */
  readonly said: string
}

/** The flags of a small daemon that says little. */
const small = ['--shards', '4', '--threads', '1', '--log-level', 'error', '--json']

export class Served {
  readonly child: ChildProcess
  readonly ended: Promise<Ending>
  /** Where it listens; rejects when it ends before. */
  readonly url: Promise<string>
  /** From the start of the process until it listens, ms. */
  readonly startMs: Promise<number>

  constructor({ features, dataDir, port, flags = [], wrap = [] }: ServedOptions) {
    const startedMs = systemClock.monotonicMs()
    const where = ['--data', dataDir, '--port', String(port)]
    const serve = [process.execPath, main, 'serve', features, ...where, ...small, ...flags]
    const [program, ...args] = [...wrap, ...serve]
    this.child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    this.child.stderr!.on('data', (text) => (said += String(text)))
    this.ended = once(this.child, 'close').then(([exitCode, signal]) => ({
      exitCode: exitCode as number | null,
      signal: signal as NodeJS.Signals | null,
      said,
    }))
    const firstLine = once(createInterface(this.child.stdout!), 'line').then(
      ([line]) => (JSON.parse(String(line)) as { url: string }).url,
    )
    this.url = Promise.race([
      firstLine,
      this.ended.then((ending) => Promise.reject(new Error(`ended: ${JSON.stringify(ending)}`))),
    ])
    // Whoever kills it before it listens does not wait for where it does.
    this.url.catch(() => {})
    this.startMs = this.url.then(() => systemClock.monotonicMs() - startedMs)
    this.startMs.catch(() => {})
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Ending> {
    this.child.kill(signal)
    return this.ended
  }
}

/**
 * Starts a process on a directory and kills it while it recovers: when the journal has been opened
 * and its tail is about to be replayed, or, with `turns`, so many turns of our event loop later.
 */
export async function killInRecovery(options: ServedOptions, turns: number): Promise<void> {
  const journal = join(options.dataDir, 'journal')
  await mkdir(journal, { recursive: true })
  const watcher = watch(journal)
  const opened = once(watcher, 'change')
  const served = new Served(options)
  await Promise.race([opened, served.ended])
  watcher.close()
  for (let left = turns; left > 0 && served.child.exitCode === null; left--) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  await served.kill()
}
